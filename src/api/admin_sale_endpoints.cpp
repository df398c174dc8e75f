#include "admin_sale_endpoints.hpp"

#include <random>
#include <utility>

#include "caller.hpp"
#include "documents.hpp"
#include "flashsale/admin/audit.hpp"
#include "flashsale/admin/sales.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/model/json_text.hpp"
#include "operation.hpp"
#include "order_request.hpp"
#include "query_parameters.hpp"
#include "sale_definition.hpp"

namespace flashsale::api {
namespace {

/// How long an audit looks again for numbers that do not add up yet.
constexpr std::chrono::milliseconds kAuditPatience{1500};

OrderId random_change_id() {
  thread_local std::random_device random;
  OrderId::Bytes bytes;
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return OrderId(bytes);
}

Answer stock_answer(const admin::StockResult& result, const std::string& sale_id, const std::string& sku) {
  using Outcome = admin::StockResult::Outcome;
  switch (result.outcome) {
    case Outcome::unknown_sale: return Answer::problem(ProblemType::unknown_sale, "there is no sale of this id");
    case Outcome::unknown_item: return Answer::problem(ProblemType::unknown_item, "the sale has no such item");
    case Outcome::not_enough:
      return Answer::problem(ProblemType::not_enough_stock, "fewer units are left than were to be taken out");
    case Outcome::key_reused:
      return Answer::problem(ProblemType::idempotency_key_reused, "this key belongs to another change");
    case Outcome::done:
    case Outcome::repeated: break;
  }
  Answer answer;
  answer.body = "{\"sale_id\":\"" + sale_id + "\",\"sku\":\"" + sku + '"';
  append_number(answer.body, "add", result.change.delta);
  append_number(answer.body, "stock", result.change.stock);
  append_number(answer.body, "stock_version", result.change.version);
  answer.body += '}';
  if (result.outcome == Outcome::repeated) append_header(answer.headers, "Idempotency-Replayed", "true");
  if (!result.is_told) {
    answer.status = 202;
    append_header(answer.headers, "Location", "/admin/v1/sales/" + sale_id);
    append_look_again(answer.headers);
  }
  return answer;
}

std::string audit_document(const admin::AuditReport& report) {
  std::string body = "{";
  append_member(body, "sale_id");
  append_json_string(body, report.sale_id);
  if (report.is_rehearsal) append_rehearsal(body);
  append_member(body, "consistent");
  body += report.consistent ? "true" : "false";
  append_member(body, "checked_at");
  append_json_string(body, format_rfc3339(report.checked_at));
  append_member(body, "items");
  body += '[';
  for (const auto& item : report.items) {
    body += body.back() == '[' ? "{" : ",{";
    append_member(body, "sku");
    append_json_string(body, item.sku);
    append_number(body, "stock", item.stock);
    append_number(body, "sold", item.sold);
    append_number(body, "remaining", item.remaining);
    append_number(body, "pending", item.pending);
    append_number(body, "live_units", item.live_units);
    append_member(body, "consistent");
    body += item.consistent ? "true}" : "false}";
  }
  body += "]}";
  return body;
}

/// Into the document of a sale that was just created.
void append_warnings(std::string& document, const Sale& sale) {
  document.pop_back();
  append_member(document, "warnings");
  document += '[';
  for (const auto& warning : warnings_about(sale)) {
    if (document.back() != '[') document += ',';
    append_json_string(document, warning);
  }
  document += "]}";
}

}  // namespace

void AdminSaleEndpoints::add_routes(Routes& routes) {
  const auto add = [&](Method method, std::string_view pattern, void (AdminSaleEndpoints::*handler)(Exchange&)) {
    routes.push_back({method, pattern, [this, handler](Exchange& exchange) {
                        if (identify_admin(exchange, process_, identity::AdminRole::read)) (this->*handler)(exchange);
                      }});
  };
  const auto add_change = [&](Method method, std::string_view pattern,
                              void (AdminSaleEndpoints::*handler)(Exchange&, std::string_view)) {
    routes.push_back({method, pattern, [this, handler](Exchange& exchange) {
                        const auto who = identify_admin(exchange, process_, identity::AdminRole::operator_);
                        if (who) (this->*handler)(exchange, *who);
                      }});
  };
  add_change(Method::post, "/admin/v1/sales", &AdminSaleEndpoints::create);
  add(Method::get, "/admin/v1/sales", &AdminSaleEndpoints::list);
  add(Method::get, "/admin/v1/sales/{sale_id}", &AdminSaleEndpoints::read);
  add_change(Method::patch, "/admin/v1/sales/{sale_id}", &AdminSaleEndpoints::patch);
  add_change(Method::post, "/admin/v1/sales/{sale_id}/reset", &AdminSaleEndpoints::reset);
  add_change(Method::post, "/admin/v1/sales/{sale_id}/items/{sku}/stock", &AdminSaleEndpoints::change_stock);
  add(Method::get, "/admin/v1/sales/{sale_id}/audit", &AdminSaleEndpoints::audit);
}

/// The definition as PostgreSQL has it, with what this process knows of Redis.
std::string AdminSaleEndpoints::document(const Sale& sale) const {
  const auto& snapshot = thread_.catalog.snapshot();
  const auto levels = snapshot->find(sale.id);
  // Levels of another epoch or stock say nothing about this definition.
  const bool fits = levels && levels->sale->epoch == sale.epoch && levels->serving;
  std::string body;
  append_admin_sale(body, sale, fits ? levels.get() : nullptr,
                    snapshot->clock.earliest(std::chrono::steady_clock::now()));
  return body;
}

void AdminSaleEndpoints::create(Exchange& exchange, std::string_view who) {
  if (!has_json_body(exchange)) return;
  read_body<ParsedBody<Sale>>(exchange, process_.operations, parse_sale_definition,
                              [this, who = std::string(who)](Exchange& read, ParsedBody<Sale> parsed) {
                                create_defined(read, std::move(parsed.value), who);
                              });
}

void AdminSaleEndpoints::create_defined(Exchange& exchange, Sale definition, const std::string& who) {
  if (definition.payment_window_s > process_.payment_window_max.count()) {
    return reply_problem(
        exchange, ProblemType::malformed_request,
        "payment_window_s must be at most " + std::to_string(process_.payment_window_max.count()) +
            ": so long unpaid orders keep their units from everybody else (setting payments.window_max_s)");
  }
  if (definition.payment == PaymentMode::required && !thread_.webhooks.has_secrets()) {
    // Nobody could pay, and every order would expire.
    return reply_problem(exchange, ProblemType::not_supported,
                         "payment: required takes a payment provider: set payments.webhook_secrets");
  }
  using Created = Result<std::optional<Sale>>;
  run_operation<Created>(
      exchange, process_,
      [definition = std::move(definition), who](workers::Stores& stores) {
        return admin::create_sale(stores, definition, who);
      },
      [this](Exchange& answered, const Created& created) {
        process_.directory.reload();
        if (!created) return reply_failure(answered, created.error(), "a store cannot be reached at the moment");
        if (!*created) return reply_problem(answered, ProblemType::sale_exists, "there is a sale of this id already");
        std::string headers;
        append_header(headers, "Location", "/admin/v1/sales/" + (*created)->id);
        auto body = document(**created);
        append_warnings(body, **created);
        answered.reply({201, "application/json", body, headers});
      });
}

void AdminSaleEndpoints::list(Exchange& exchange) {
  const QueryParameters query(exchange.request().query);
  const auto limit = page_limit(query);
  const auto after = page_cursor(query, 0);
  if (!query.ok() || !query.only({"limit", "cursor"}) || !limit || !after) {
    return reply_problem(exchange, ProblemType::malformed_request,
                         "limit must be 1 to 1000, cursor one that was given");
  }
  using Sales = Result<std::vector<Sale>>;
  run_operation<Sales>(
      exchange, process_,
      [after = *after, limit = *limit](workers::Stores& stores) {
        return postgres::list_sales(stores.session(), after, limit + 1);
      },
      [this, limit = static_cast<std::size_t>(*limit)](Exchange& answered, const Sales& sales) {
        if (!sales) return reply_failure(answered, sales.error(), "sales cannot be read at the moment");
        std::string body = "{\"sales\":[";
        const auto shown = std::min(limit, sales->size());
        for (std::size_t i = 0; i < shown; ++i) {
          if (i > 0) body += ',';
          body += document((*sales)[i]);
        }
        body += ']';
        if (sales->size() > shown) body += ",\"next_cursor\":\"" + std::to_string((*sales)[shown - 1].sale_no) + '"';
        body += '}';
        answered.reply({200, "application/json", body, {}});
      });
}

void AdminSaleEndpoints::read(Exchange& exchange) {
  using Found = Result<std::optional<Sale>>;
  const std::string sale_id(exchange.request().path_parameters[0]);
  run_operation<Found>(
      exchange, process_, [sale_id](workers::Stores& stores) { return postgres::find_sale(stores.session(), sale_id); },
      [this](Exchange& answered, const Found& sale) {
        if (!sale) return reply_failure(answered, sale.error(), "the sale cannot be read at the moment");
        if (!*sale) return reply_problem(answered, ProblemType::unknown_sale, "there is no sale of this id");
        answered.reply({200, "application/json", document(**sale), {}});
      });
}

void AdminSaleEndpoints::patch(Exchange& exchange, std::string_view who) {
  if (!has_json_body(exchange)) return;
  using Parsed = ParsedBody<postgres::SalePatch>;
  read_body<Parsed>(exchange, process_.switches, parse_sale_patch,
                    [this, who = std::string(who)](Exchange& read, Parsed parsed) {
                      apply_patch(read, std::move(parsed.value), who);
                    });
}

void AdminSaleEndpoints::apply_patch(Exchange& exchange, postgres::SalePatch change, const std::string& who) {
  using Patched = Result<admin::PatchedSale>;
  const std::string sale_id(exchange.request().path_parameters[0]);
  run_operation<Patched>(
      exchange, process_.switches,
      [sale_id, change = std::move(change), who](workers::Stores& stores) {
        return admin::patch_sale(stores, sale_id, change, who);
      },
      [this](Exchange& answered, const Patched& patched) {
        using Outcome = postgres::PatchResult::Outcome;
        process_.directory.reload();
        if (!patched) return reply_failure(answered, patched.error(), "a store cannot be reached at the moment");
        switch (patched->result.outcome) {
          case Outcome::unknown_sale:
            return reply_problem(answered, ProblemType::unknown_sale, "there is no sale of this id");
          case Outcome::closed_for_good:
            return reply_problem(answered, ProblemType::sale_closed, "a closed sale takes no other state");
          case Outcome::bad_times:
            return reply_problem(answered, ProblemType::invalid_definition, "ends_at must be later than starts_at");
          case Outcome::ended:
            return reply_problem(answered, ProblemType::sale_ended, "its ends_at has passed: send a later one with it");
          case Outcome::patched: break;
        }
        const auto& sale = *patched->result.sale;
        if (patched->is_told) return answered.reply({200, "application/json", document(sale), {}});
        std::string headers;
        append_header(headers, "Location", "/admin/v1/sales/" + sale.id);
        append_look_again(headers);
        answered.reply({202, "application/json", document(sale), headers});
      });
}

void AdminSaleEndpoints::reset(Exchange& exchange, std::string_view who) {
  if (!has_empty_body(exchange)) return;
  using Reset = Result<postgres::ResetResult>;
  const std::string sale_id(exchange.request().path_parameters[0]);
  run_operation<Reset>(
      exchange, process_.reports,
      [sale_id, who = std::string(who)](workers::Stores& stores) {
        return admin::reset_rehearsal(stores, sale_id, who);
      },
      [this](Exchange& answered, const Reset& reset) {
        using Outcome = postgres::ResetResult::Outcome;
        process_.directory.reload();
        if (!reset) return reply_failure(answered, reset.error(), "a store cannot be reached at the moment");
        if (reset->outcome == Outcome::unknown_sale) {
          return reply_problem(answered, ProblemType::unknown_sale, "there is no sale of this id");
        }
        if (reset->outcome == Outcome::no_rehearsal) {
          return reply_problem(answered, ProblemType::no_rehearsal, "what was sold in a real sale stays sold");
        }
        answered.reply({200, "application/json", document(reset->sale), {}});
      });
}

void AdminSaleEndpoints::change_stock(Exchange& exchange, std::string_view who) {
  if (!has_json_body(exchange)) return;
  read_body<ParsedBody<std::int64_t>>(
      exchange, process_.operations, parse_stock_change,
      [this, who = std::string(who)](Exchange& read, const ParsedBody<std::int64_t>& parsed) {
        add_stock(read, parsed.value, who);
      });
}

void AdminSaleEndpoints::add_stock(Exchange& exchange, std::int64_t units, const std::string& who) {
  const auto& request = exchange.request();
  const std::string sale_id(request.path_parameters[0]);
  const std::string sku(request.path_parameters[1]);
  auto change_id = random_change_id();
  if (const auto header = request.header(Header::idempotency_key); !header.empty()) {
    const auto key = parse_idempotency_key(header);
    if (key.empty()) {
      return reply_problem(exchange, ProblemType::malformed_request,
                           "Idempotency-Key must be 1 to 255 visible ASCII characters");
    }
    change_id = OrderId::derive_change(sale_id, sku, key);
  }
  run_operation(exchange, process_, [sale_id, sku, change_id, units, who](workers::Stores& stores) {
    const auto result = admin::change_stock(stores, sale_id, sku, change_id, units, who);
    return result ? stock_answer(*result, sale_id, sku) : Answer::not_changed(result.error());
  });
}

void AdminSaleEndpoints::audit(Exchange& exchange) {
  const std::string sale_id(exchange.request().path_parameters[0]);
  run_operation(exchange, process_, [sale_id](workers::Stores& stores) {
    const auto report = admin::audit_sale(stores, sale_id, kAuditPatience);
    if (!report) return Answer::failure(report.error());
    if (!*report) return Answer::problem(ProblemType::unknown_sale, "there is no sale of this id");
    Answer answer;
    answer.body = audit_document(**report);
    return answer;
  });
}

}  // namespace flashsale::api
