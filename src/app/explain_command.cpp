#include <algorithm>
#include <iostream>
#include <map>
#include <span>

#include "flashsale/admin/order_explanation.hpp"
#include "flashsale/app/commands.hpp"
#include "flashsale/postgres/behaviour_repository.hpp"
#include "flashsale/postgres/event_repository.hpp"
#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/postgres/order_story.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "module_options.hpp"

namespace flashsale::app {
namespace {

/// Of a customer: the newest sales first.
constexpr std::int32_t kOrdersMax = 100;

int cannot(const Error& error) {
  std::cerr << "flashsaled: explain cannot tell: " << error.message() << '\n';
  return 1;
}

int print(postgres::Session& session, const Order& order, const Sale* sale) {
  const auto story = postgres::read_order_story(session, order.id);
  if (!story) return cannot(story.error());
  const char* indent = "";
  for (const auto& line : admin::explain_order(order, sale, *story)) {
    std::cout << indent << line << '\n';
    indent = "  ";
  }
  return 0;
}

int explain_order(postgres::Session& session, const OrderId& id) {
  const auto found = postgres::find_orders(session, {&id, 1});
  if (!found) return cannot(found.error());
  if (found->empty()) {
    std::cout << id.to_string()
              << ": PostgreSQL has no such order. Its checkout was refused, which leaves no row, or it "
              << "waits in Redis for its commit: GET /admin/v1/orders/" << id.to_string() << " tells\n";
    return 1;
  }
  const auto sale = postgres::find_sale_by_number(session, id.sale_no());
  if (!sale) return cannot(sale.error());
  return print(session, found->front(), *sale ? &**sale : nullptr);
}

/// What the score of behaviour says of a customer.
Error print_behaviour(postgres::Session& session, const std::string& customer_id,
                      const std::map<std::int32_t, const Sale*>& sales) {
  const auto found = postgres::find_sales_with_behaviour(session, customer_id);
  if (!found) return found.error();
  for (const auto sale_no : *found) {
    const auto rows = postgres::read_behaviour(session, sale_no, customer_id);
    if (!rows) return rows.error();
    const auto sale = sales.find(sale_no);
    for (const auto& one : *rows) {
      std::cout << "behaviour of " << customer_id << " in "
                << (sale == sales.end() ? "sale number " + std::to_string(sale_no) : sale->second->id) << ": "
                << one.score << " of 100 unlike people (" << to_string(behaviour_band(one.score)) << ")\n";
      for (const auto& reason : behaviour_reasons(one.behaviour)) std::cout << "  " << reason << '\n';
    }
  }
  return {};
}

int explain_customer(postgres::Session& session, const std::string& customer_id) {
  const auto directory = postgres::load_directory(session, 0);
  if (!directory) return cannot(directory.error());
  std::map<std::int32_t, const Sale*> sales;
  std::vector<postgres::CustomerRange> ranges;
  for (auto sale = directory->sales.rbegin(); sale != directory->sales.rend(); ++sale) {
    sales[sale->sale_no] = &*sale;
    const auto id = OrderId::derive(directory->order_salt, sale->sale_no, customer_id, {});
    ranges.push_back({id.first_of_customer(), true});
  }
  const auto orders = postgres::find_orders_of_customer(session, customer_id, ranges, std::nullopt, kOrdersMax + 1);
  if (!orders) return cannot(orders.error());
  // The orders are what was asked for.
  if (const auto error = print_behaviour(session, customer_id, sales)) {
    std::cout << "behaviour of " << customer_id << ": cannot be read now: " << error.message() << '\n';
  }
  if (orders->empty()) {
    std::cout << customer_id << ": PostgreSQL has no order of this customer. What was refused leaves no row: with "
              << "log.checkouts = \"refused\" it is in the log\n";
    return 1;
  }
  const bool has_more = orders->size() > static_cast<std::size_t>(kOrdersMax);
  for (const auto& order : std::span(*orders).first(std::min<std::size_t>(orders->size(), kOrdersMax))) {
    const auto sale = sales.find(order.id.sale_no());
    if (const int status = print(session, order, sale == sales.end() ? nullptr : sale->second); status != 0) {
      return status;
    }
  }
  if (has_more) std::cout << "and more, which are not shown: ask for them by their ids\n";
  return 0;
}

}  // namespace

int run_explain(const Settings& settings, const std::string& subject) {
  postgres::Session session(postgres_options(settings), "explain");
  const auto id = OrderId::parse(subject);
  return id ? explain_order(session, *id) : explain_customer(session, subject);
}

}  // namespace flashsale::app
