#include "flashsale/postgres/webhook_repository.hpp"

#include <utility>

#include "array_literal.hpp"
#include "embedded/flashsale_postgres.hpp"
#include "flashsale/model/event_type.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/model/json_text.hpp"
#include "flashsale/postgres/outbox.hpp"
#include "outbox_rows.hpp"
#include "row_query.hpp"
#include "row_reader.hpp"
#include "sale_rows.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

std::optional<TimePoint> read_optional_time(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return read_time(field);
}

/// Neither patterns of types nor secrets have a comma.
std::vector<std::string> read_list(const pqxx::field& field) {
  std::vector<std::string> parts;
  std::string_view text(field.c_str(), field.size());
  while (!text.empty()) {
    const auto comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return parts;
}

Webhook read_webhook(const pqxx::row& row) {
  Webhook webhook;
  webhook.id = row[0].as<std::string>();
  webhook.url = row[1].as<std::string>();
  webhook.types = read_list(row[2]);
  webhook.is_paused = row[3].as<bool>();
  webhook.disabled_at = read_optional_time(row[4]);
  webhook.disabled_reason = row[5].as<std::string>();
  webhook.failing_since = read_optional_time(row[6]);
  webhook.previous_secret_until = read_optional_time(row[7]);
  webhook.created_at = read_time(row[8]);
  webhook.parked = row[9].as<std::int64_t>();
  return webhook;
}

WebhookTarget read_target(const pqxx::row& row) {
  WebhookTarget target{row[0].as<std::string>(), row[1].as<std::string>(), read_list(row[2]), {}};
  target.secrets.push_back(row[3].as<std::string>());
  for (auto& previous : read_list(row[4])) target.secrets.push_back(std::move(previous));
  return target;
}

std::optional<Webhook> read_one(pqxx::work& tx, const std::string& id) {
  const auto rows = execute(tx, embedded::webhooks_select_sql, id);
  if (rows.empty() || id.empty()) return std::nullopt;
  return read_webhook(rows[0]);
}

/// A query may hold what is the endpoint's secret.
std::string without_query(const std::string& url) { return url.substr(0, url.find('?')); }

void append_types(std::string& json, const std::vector<std::string>& types) {
  append_member(json, "types");
  json += '[';
  for (const auto& type : types) {
    if (json.back() != '[') json += ',';
    append_json_string(json, type);
  }
  json += ']';
}

void append_bool(std::string& json, std::string_view name, bool value) {
  append_member(json, name);
  json += value ? "true" : "false";
}

/// For the log.
std::string describe(const WebhookChange& change) {
  std::string json = "{";
  if (change.url) append_text(json, "url", without_query(*change.url));
  if (change.types) append_types(json, *change.types);
  if (change.is_paused) append_bool(json, "paused", *change.is_paused);
  if (change.is_enabled) append_bool(json, "enabled", *change.is_enabled);
  return json + "}";
}

bool disable_in(pqxx::work& tx, const std::string& id, const std::string& reason) {
  const auto rows = execute(tx, embedded::webhook_disable_sql, id, reason);
  if (rows.empty()) return false;
  execute(tx, embedded::webhook_sink_stop_sql, webhook_sink_name(id));
  if (!leaves_events()) return true;
  std::string payload = "{";
  append_text(payload, "webhook_id", id);
  append_text(payload, "url", without_query(rows[0][0].as<std::string>()));
  append_text(payload, "reason", reason);
  OutboxRows told;
  told.add_event(EventType::webhook_disabled, 1, payload + "}");
  told.insert(tx, 0);
  return true;
}

void enable_in(pqxx::work& tx, const std::string& id) {
  execute(tx, embedded::webhook_enable_sql, id);
  execute(tx, embedded::webhook_sink_resume_sql, webhook_sink_name(id));
  execute(tx, embedded::retries_delete_gone_sql, id);
  execute(tx, embedded::retries_hasten_sql, id);
}

std::optional<Webhook> create_in(pqxx::work& tx, const NewWebhook& made, std::string_view who) {
  // First of all: one is created at a time.
  execute(tx, "SELECT last_position FROM event_line FOR UPDATE");
  const auto written = execute(tx, embedded::webhook_insert_sql, made.id, made.url, array_of(made.types),
                               made.is_paused, made.secret, kWebhooksMax);
  if (written.affected_rows() == 0) return std::nullopt;
  execute(tx, embedded::event_sink_register_sql, webhook_sink_name(made.id), std::string("webhook"));
  write_log(tx, who, "webhook.created", made.id, describe({made.url, made.types, made.is_paused, std::nullopt}));
  auto webhook = read_one(tx, made.id);
  commit(tx);
  return webhook;
}

std::optional<Webhook> change_in(pqxx::work& tx, const std::string& id, const WebhookChange& change,
                                 std::string_view who) {
  const auto rows = execute(tx, embedded::webhook_lock_sql, id);
  if (rows.empty()) return std::nullopt;
  const bool is_disabled = rows[0][0].as<bool>();
  const int paused = change.is_paused ? static_cast<int>(*change.is_paused) : -1;
  execute(tx, embedded::webhook_update_sql, id, change.url.value_or(""), change.types.has_value(),
          array_of(change.types.value_or(std::vector<std::string>{})), paused);
  // What has failed elsewhere is tried at once.
  if (change.url) execute(tx, embedded::retries_hasten_sql, id);
  if (change.is_enabled.value_or(false) && is_disabled) enable_in(tx, id);
  if (!change.is_enabled.value_or(true) && !is_disabled) (void)disable_in(tx, id, "by_hand");
  write_log(tx, who, "webhook.changed", id, describe(change));
  auto webhook = read_one(tx, id);
  commit(tx);
  return webhook;
}

bool delete_in(pqxx::work& tx, const std::string& id, std::string_view who) {
  const auto rows = execute(tx, embedded::webhook_delete_sql, id);
  if (rows.empty()) return false;
  execute(tx, "DELETE FROM event_sinks WHERE name = $1", webhook_sink_name(id));
  execute(tx, "DELETE FROM webhook_retries WHERE webhook_id = $1", id);
  execute(tx, "DELETE FROM webhook_deliveries WHERE webhook_id = $1", id);
  std::string json = "{";
  append_text(json, "url", without_query(rows[0][0].as<std::string>()));
  write_log(tx, who, "webhook.deleted", id, json + "}");
  commit(tx);
  return true;
}

std::optional<Webhook> rotate_in(pqxx::work& tx, const std::string& id, const std::string& secret,
                                 std::chrono::seconds overlap, std::string_view who) {
  const auto rows = execute(tx, embedded::webhook_rotate_sql, id, secret, std::int64_t{overlap.count()});
  if (rows.affected_rows() == 0) return std::nullopt;
  std::string json = "{";
  append_number(json, "overlap_s", overlap.count());
  write_log(tx, who, "webhook.secret_rotated", id, json + "}");
  auto webhook = read_one(tx, id);
  commit(tx);
  return webhook;
}

template <class Row>
Result<std::optional<Row>> first_of(Result<std::vector<Row>> rows) {
  if (!rows) return rows.error();
  if (rows->empty()) return std::optional<Row>();
  return std::optional<Row>(std::move(rows->front()));
}

}  // namespace

Result<std::vector<Webhook>> list_webhooks(Session& session) {
  return read_rows<Webhook>(session, read_webhook, embedded::webhooks_select_sql, std::string());
}

Result<std::optional<Webhook>> find_webhook(Session& session, const std::string& id) {
  if (id.empty()) return std::optional<Webhook>();
  return first_of(read_rows<Webhook>(session, read_webhook, embedded::webhooks_select_sql, id));
}

Result<std::optional<Webhook>> create_webhook(Session& session, const NewWebhook& made, std::string_view who) {
  return in_transaction<std::optional<Webhook>>(session, [&](pqxx::work& tx) { return create_in(tx, made, who); });
}

Result<std::optional<Webhook>> change_webhook(Session& session, const std::string& id, const WebhookChange& change,
                                              std::string_view who) {
  return in_transaction<std::optional<Webhook>>(session,
                                                [&](pqxx::work& tx) { return change_in(tx, id, change, who); });
}

Result<bool> delete_webhook(Session& session, const std::string& id, std::string_view who) {
  return in_transaction<bool>(session, [&](pqxx::work& tx) { return delete_in(tx, id, who); });
}

Result<std::optional<Webhook>> rotate_webhook_secret(Session& session, const std::string& id, const std::string& secret,
                                                     std::chrono::seconds overlap, std::string_view who) {
  return in_transaction<std::optional<Webhook>>(
      session, [&](pqxx::work& tx) { return rotate_in(tx, id, secret, overlap, who); });
}

Result<bool> disable_webhook(Session& session, const std::string& id, const std::string& reason) {
  return in_transaction<bool>(session, [&](pqxx::work& tx) {
    const bool was_enabled = disable_in(tx, id, reason);
    commit(tx);
    return was_enabled;
  });
}

Result<std::vector<WebhookTarget>> list_webhook_targets(Session& session) {
  return read_rows<WebhookTarget>(session, read_target, embedded::webhook_targets_sql, std::string());
}

Result<std::optional<WebhookTarget>> find_webhook_target(Session& session, const std::string& id) {
  if (id.empty()) return std::optional<WebhookTarget>();
  return first_of(read_rows<WebhookTarget>(session, read_target, embedded::webhook_targets_sql, id));
}

Error agree_webhook_sinks(Session& session) {
  return session.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    execute(tx, embedded::webhook_sinks_agree_sql);
    execute(tx, embedded::webhook_sinks_drop_sql);
    commit(tx);
  });
}

}  // namespace flashsale::postgres
