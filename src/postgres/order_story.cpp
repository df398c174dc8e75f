#include "flashsale/postgres/order_story.hpp"

#include "embedded/flashsale_postgres.hpp"
#include "row_query.hpp"
#include "row_reader.hpp"

namespace flashsale::postgres {
namespace {

OrderMoment read_moment(const pqxx::row& row) {
  using Kind = OrderMoment::Kind;
  OrderMoment moment;
  moment.at = read_time(row["at"]);
  moment.kind = static_cast<Kind>(row["kind"].as<int>());
  std::optional<TimePoint> until;
  if (!row["done_at"].is_null()) until = read_time(row["done_at"]);
  const auto text = row["text"].as<std::string>();
  if (moment.kind == Kind::changed) {
    moment.event = static_cast<EventType>(row["code"].as<int>());
    moment.pay_until = until;
    moment.reason = text;
    return moment;
  }
  moment.payment_id = text;
  moment.amount = {row["amount"].as<std::int64_t>(), row["currency"].as<std::string>()};
  moment.succeeded = row["is_good"].as<bool>();
  moment.settled_at = until;
  if (moment.kind == Kind::paid) moment.outcome = static_cast<PaymentOutcome>(row["code"].as<int>());
  return moment;
}

}  // namespace

Result<std::vector<OrderMoment>> read_order_story(Session& session, const OrderId& id) {
  return read_rows<OrderMoment>(session, read_moment, embedded::order_story_sql, id.sale_no(), id.to_string());
}

}  // namespace flashsale::postgres
