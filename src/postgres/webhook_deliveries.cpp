#include "flashsale/postgres/webhook_deliveries.hpp"

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "row_query.hpp"
#include "row_reader.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

WebhookDelivery read_delivery(const pqxx::row& row) {
  return {.at = read_time(row[0]),
          .event_id = row[1].as<std::string>(),
          .type = static_cast<EventType>(row[2].as<int>()),
          .attempt = row[3].as<std::int32_t>(),
          .status = row[4].as<std::int32_t>(),
          .error = row[5].as<std::string>(),
          .time_ms = row[6].as<std::int32_t>()};
}

WebhookRetry read_retry(const pqxx::row& row) {
  return {.position = row[0].as<std::int64_t>(),
          .partition_key = row[1].as<std::string>(),
          .failures = row[2].as<std::int32_t>(),
          .delay = std::chrono::milliseconds(static_cast<std::int64_t>(row[3].as<double>()))};
}

}  // namespace

Error note_deliveries(Session& session, const std::string& webhook_id, const std::vector<WebhookDelivery>& deliveries) {
  ArrayLiteral moments, ids, types, attempts, statuses, errors, times;
  for (const auto& delivery : deliveries) {
    moments.add(std::optional(delivery.at));
    ids.add_text(delivery.event_id);
    types.add(static_cast<std::int64_t>(delivery.type));
    attempts.add(std::int64_t{delivery.attempt});
    statuses.add(std::int64_t{delivery.status});
    errors.add_text(delivery.error);
    times.add(std::int64_t{delivery.time_ms});
  }
  for (auto* array : {&moments, &ids, &types, &attempts, &statuses, &errors, &times}) array->close();
  return session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    execute(tx, embedded::deliveries_insert_sql, webhook_id, moments.text(), ids.text(), types.text(), attempts.text(),
            statuses.text(), errors.text(), times.text());
    execute(tx, embedded::deliveries_trim_sql, webhook_id, static_cast<std::int64_t>(kDeliveriesKept));
    commit(tx);
  });
}

Result<std::vector<WebhookDelivery>> list_deliveries(Session& session, const std::string& webhook_id) {
  return read_rows<WebhookDelivery>(session, read_delivery, embedded::deliveries_select_sql, webhook_id,
                                    static_cast<std::int64_t>(kDeliveriesKept));
}

Result<std::vector<WebhookRetry>> list_retries(Session& session, const std::string& webhook_id) {
  return read_rows<WebhookRetry>(session, read_retry, embedded::retries_select_sql, webhook_id);
}

Error park_events(Session& session, const std::string& webhook_id, const std::vector<WebhookRetry>& retries) {
  ArrayLiteral positions, keys, failures, delays;
  for (const auto& retry : retries) {
    positions.add(retry.position);
    keys.add_text(retry.partition_key);
    failures.add(std::int64_t{retry.failures});
    delays.add(std::int64_t{retry.delay.count()});
  }
  for (auto* array : {&positions, &keys, &failures, &delays}) array->close();
  return change_rows(session, embedded::retries_insert_sql, webhook_id, positions.text(), keys.text(), failures.text(),
                     delays.text())
      .error();
}

Error postpone_retry(Session& session, const std::string& webhook_id, std::int64_t position,
                     std::chrono::milliseconds delay) {
  return change_rows(session, embedded::retry_postpone_sql, webhook_id, position, std::int64_t{delay.count()}).error();
}

Error hasten_retries(Session& session, const std::string& webhook_id) {
  return change_rows(session, embedded::retries_hasten_sql, webhook_id).error();
}

Error end_retries(Session& session, const std::string& webhook_id, const std::vector<std::int64_t>& positions) {
  ArrayLiteral array;
  for (const auto position : positions) array.add(position);
  return change_rows(session, embedded::retries_delete_sql, webhook_id, array.close()).error();
}

Result<std::optional<std::chrono::seconds>> find_failing_age(Session& session, const std::string& webhook_id) {
  const auto read = [](const pqxx::row& row) { return row[0].as<double>(); };
  const auto ages = read_rows<double>(session, read, embedded::webhook_failing_age_sql, webhook_id);
  if (!ages) return ages.error();
  if (ages->empty() || ages->front() < 0) return std::optional<std::chrono::seconds>();
  return std::optional(std::chrono::seconds(static_cast<std::int64_t>(ages->front())));
}

Error note_failing(Session& session, const std::string& webhook_id, bool is_failing) {
  return change_rows(session, embedded::webhook_failing_sql, webhook_id, is_failing).error();
}

}  // namespace flashsale::postgres
