#include "order_export.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <utility>

#include "body_stream.hpp"
#include "flashsale/postgres/access_log.hpp"
#include "flashsale/postgres/behaviour_repository.hpp"
#include "flashsale/postgres/order_export.hpp"
#include "flashsale/telemetry/log.hpp"
#include "operation.hpp"
#include "order_csv.hpp"

namespace flashsale::api {
namespace {

constexpr std::size_t kPieceBytes = 32 * 1024;

/// Makes pieces of rows.
class OrderFile {
 public:
  /// `scores` null: without that column.
  OrderFile(BodyStream& body, const BehaviourScores* scores) : body_(body), scores_(scores) {}

  bool begin(const Sale& sale) {
    sale_ = sale;
    std::string headers;
    append_header(headers, "Content-Disposition", "attachment; filename=\"orders-" + sale.id + ".csv\"");
    append_header(headers, "Cache-Control", "no-store");
    piece_ = kOrderCsvHeader;
    if (scores_ != nullptr) piece_.insert(piece_.find("\r\n"), "," + std::string(kBehaviourCsvColumn));
    return body_.begin("text/csv; charset=utf-8; header=present", std::move(headers));
  }

  bool add(std::span<const Order> orders) {
    for (const auto& order : orders) {
      append_order_csv(piece_, order, sale_, scores_);
      if (piece_.size() >= kPieceBytes && !body_.write(std::exchange(piece_, {}))) return false;
    }
    return true;
  }

  bool end() { return (piece_.empty() || body_.write(std::move(piece_))) && body_.end(); }

 private:
  BodyStream& body_;
  const BehaviourScores* scores_;
  Sale sale_;
  std::string piece_;
};

/// Empty: there is none, which has been answered.
std::optional<Sale> find_or_answer(postgres::Session& session, const std::shared_ptr<Exchange>& exchange,
                                   const std::string& sale_id) {
  auto sale = postgres::find_sale(session, sale_id);
  if (sale && *sale) return std::move(*sale);
  reply_later(exchange, sale ? Answer::problem(ProblemType::unknown_sale, "there is no sale of this id")
                             : Answer::failure(sale.error()));
  return std::nullopt;
}

/// Read before the orders: a little older than they are.
Result<BehaviourScores> read_scores(postgres::Session& session, std::int32_t sale_no) {
  const auto customers = postgres::read_behaviour(session, sale_no);
  if (!customers) return customers.error();
  BehaviourScores scores;
  for (const auto& one : *customers) scores.emplace(one.customer_id, one.score);
  return scores;
}

}  // namespace

void send_order_export(postgres::Session& session, const std::shared_ptr<Exchange>& exchange,
                       const ExportRequest& asked) {
  const auto& sale_id = asked.sale_id;
  const auto found = find_or_answer(session, exchange, sale_id);
  if (!found) return;
  // Before the first name leaves.
  if (postgres::record_access(session, asked.who, "orders.exported", sale_id)) {
    return reply_later(exchange, Answer::unavailable());
  }
  std::optional<BehaviourScores> scores;
  if (asked.with_behaviour) {
    auto read = read_scores(session, found->sale_no);
    if (!read) return reply_later(exchange, Answer::failure(read.error()));
    scores = std::move(*read);
  }
  const postgres::ExportLimits limits;
  BodyStream body(exchange, BodyStream::Clock::now() + limits.time_max);
  OrderFile file(body, scores ? &*scores : nullptr);
  if (exchange->request().method == Method::head) return static_cast<void>(file.begin(*found));
  bool is_whole = true;
  postgres::SnapshotReader reader;
  reader.sale = [&](const Sale& sale) { return is_whole = file.begin(sale); };
  reader.orders = [&](std::span<const Order> orders) { return is_whole = file.add(orders); };
  const auto error = postgres::export_orders(session, sale_id, reader, limits);
  if (!body.has_begun()) return reply_later(exchange, Answer::failure(error));
  if (error) return telemetry::log_warn("export was cut", {{"sale", sale_id}, {"error", error.message()}});
  if (!is_whole || !file.end()) telemetry::log_info("export was not read to its end", {{"sale", sale_id}});
}

}  // namespace flashsale::api
