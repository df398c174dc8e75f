#include "flashsale/checkout/order_lookup.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/order_repository.hpp"

namespace flashsale::checkout {

OrderLookup::OrderLookup(Options options, telemetry::Metrics& metrics)
    : options_(std::move(options)), metrics_(metrics) {}

OrderLookup::~OrderLookup() { stop(); }

void OrderLookup::start() {
  for (unsigned i = 0; i < options_.workers; ++i) threads_.emplace_back([this, i] { run(i); });
}

void OrderLookup::stop() {
  std::deque<Question> left;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    left.swap(queue_);
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  for (auto& question : left) question.callback(make_error_code(postgres::Failure::unavailable));
}

bool OrderLookup::find(const OrderId& id, Callback callback) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= options_.queue_max) return false;
    queue_.push_back({id, std::move(callback)});
  }
  wake_.notify_one();
  return true;
}

void OrderLookup::run(unsigned worker_no) {
  postgres::Session session(options_.postgres, "lookup-" + std::to_string(worker_no));
  for (;;) {
    std::vector<Question> questions;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      while (!queue_.empty() && questions.size() < options_.batch_max) {
        questions.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      metrics_.queue_depth("lookup").Set(static_cast<double>(queue_.size()));
    }
    answer(session, questions);
  }
}

/// Sale by sale: a trouble in one is none of the others', unless PostgreSQL is away.
void OrderLookup::answer(postgres::Session& session, std::vector<Question>& questions) {
  metrics_.batch_size("lookup").Observe(static_cast<double>(questions.size()));
  std::map<std::int32_t, std::vector<Question>> sales;
  for (auto& question : questions) sales[question.id.sale_no()].push_back(std::move(question));
  Error away;
  for (auto& [sale_no, of_sale] : sales) {
    if (!away) away = answer_sale(session, of_sale);
    else fail(of_sale, away);
  }
}

void OrderLookup::fail(const std::vector<Question>& questions, const Error& error) {
  for (const auto& question : questions) question.callback(error);
}

/// An error: PostgreSQL is away, and nobody else needs to ask.
Error OrderLookup::answer_sale(postgres::Session& session, const std::vector<Question>& questions) {
  std::vector<OrderId> ids;
  ids.reserve(questions.size());
  for (const auto& question : questions) ids.push_back(question.id);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());

  const auto started = std::chrono::steady_clock::now();
  const auto found = postgres::find_orders(session, ids);
  metrics_.dependency_seconds("postgres", "find_orders")
      .Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  if (!found) {
    metrics_.dependency_errors("postgres", "find_orders").Increment();
    fail(questions, found.error());
    return found.error() == make_error_code(postgres::Failure::unavailable) ? found.error() : Error{};
  }
  std::unordered_map<OrderId, const Order*, OrderIdHash> by_id;
  for (const auto& order : *found) by_id.emplace(order.id, &order);
  for (const auto& question : questions) {
    const auto row = by_id.find(question.id);
    question.callback(row == by_id.end() ? std::optional<Order>{} : std::optional<Order>(*row->second));
  }
  return {};
}

}  // namespace flashsale::checkout
