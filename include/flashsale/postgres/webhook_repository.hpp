#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/result.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/postgres/session.hpp"

// Endpoints that events are sent to by HTTP, as admins set them up. Each change leaves a row in the log of changes,
// which holds no secret.
namespace flashsale::postgres {

/// Each has a connection and a thread in the process that leads.
inline constexpr std::int64_t kWebhooksMax = 16;

struct Webhook {
  std::string id;
  std::string url;
  std::vector<std::string> types;        ///< patterns of types; empty: all
  bool is_paused = false;                ///< its events wait
  std::optional<TimePoint> disabled_at;  ///< nothing is kept for it since then
  std::string disabled_reason;
  std::optional<TimePoint> failing_since;          ///< nothing has got through
  std::optional<TimePoint> previous_secret_until;  ///< two secrets sign
  TimePoint created_at{};
  std::int64_t parked = 0;  ///< events that it has not taken and that others went past
};

[[nodiscard]] Result<std::vector<Webhook>> list_webhooks(Session& session);
[[nodiscard]] Result<std::optional<Webhook>> find_webhook(Session& session, const std::string& id);

struct NewWebhook {
  std::string id;
  std::string url;
  std::vector<std::string> types;
  bool is_paused = false;
  std::string secret;
};
/// It is told of what comes from then on. Nothing: there are kWebhooksMax already.
[[nodiscard]] Result<std::optional<Webhook>> create_webhook(Session& session, const NewWebhook& made,
                                                            std::string_view who);

/// What is not given stays.
struct WebhookChange {
  std::optional<std::string> url;
  std::optional<std::vector<std::string>> types;
  std::optional<bool> is_paused;
  std::optional<bool> is_enabled;  ///< true: it goes on where it was, as far as events are still kept
};
/// Nothing: there is none of this id.
[[nodiscard]] Result<std::optional<Webhook>> change_webhook(Session& session, const std::string& id,
                                                            const WebhookChange& change, std::string_view who);
/// With all that waits for it. False: there is none of this id.
[[nodiscard]] Result<bool> delete_webhook(Session& session, const std::string& id, std::string_view who);
/// The secret until now, and those before it that still do, sign, too, for `overlap` more; with none only the new one
/// does. Nothing: there is none of this id.
[[nodiscard]] Result<std::optional<Webhook>> rotate_webhook_secret(Session& session, const std::string& id,
                                                                   const std::string& secret,
                                                                   std::chrono::seconds overlap, std::string_view who);

/// Switches it off, and leaves an event that tells of it. False: it was so already, or is not there.
[[nodiscard]] Result<bool> disable_webhook(Session& session, const std::string& id, const std::string& reason);

/// Where and how to send, and with which secrets; they are not to be shown.
struct WebhookTarget {
  std::string id;
  std::string url;
  std::vector<std::string> types;
  std::vector<std::string> secrets;  ///< those that sign now, the newest first

  bool operator==(const WebhookTarget&) const = default;
};
/// Of all that events are to be sent to now.
[[nodiscard]] Result<std::vector<WebhookTarget>> list_webhook_targets(Session& session);
/// Paused or switched off, too.
[[nodiscard]] Result<std::optional<WebhookTarget>> find_webhook_target(Session& session, const std::string& id);
/// The name of its sink: `webhook:ID`.
[[nodiscard]] inline std::string webhook_sink_name(const std::string& id) { return "webhook:" + id; }
/// Sinks are those of the endpoints that there are, again, whatever a process has done that did not know better.
[[nodiscard]] Error agree_webhook_sinks(Session& session);

}  // namespace flashsale::postgres
