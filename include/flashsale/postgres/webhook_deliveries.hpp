#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flashsale/model/event_type.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/model/time.hpp"
#include "flashsale/postgres/session.hpp"

// What has become of the events of one endpoint: the last attempts, and what waits for another one.
namespace flashsale::postgres {

/// An attempt.
struct WebhookDelivery {
  TimePoint at{};
  std::string event_id;
  EventType type = EventType::ping;
  std::int32_t attempt = 1;
  std::int32_t status = 0;  ///< 0: there was no answer
  std::string error;        ///< empty: it was taken
  std::int32_t time_ms = 0;
};
/// Of each endpoint so many are kept.
inline constexpr std::size_t kDeliveriesKept = 100;

/// In order of time; the oldest ones go. At most kDeliveriesKept.
[[nodiscard]] Error note_deliveries(Session& session, const std::string& webhook_id,
                                    const std::vector<WebhookDelivery>& deliveries);
/// The newest first.
[[nodiscard]] Result<std::vector<WebhookDelivery>> list_deliveries(Session& session, const std::string& webhook_id);

/// An event that waits for another attempt, or behind one of its key that does.
struct WebhookRetry {
  std::int64_t position = 0;
  std::string partition_key;
  std::int32_t failures = 0;
  std::chrono::milliseconds delay{0};  ///< from now
};
[[nodiscard]] Result<std::vector<WebhookRetry>> list_retries(Session& session, const std::string& webhook_id);
[[nodiscard]] Error park_events(Session& session, const std::string& webhook_id,
                                const std::vector<WebhookRetry>& retries);
/// It has failed once more.
[[nodiscard]] Error postpone_retry(Session& session, const std::string& webhook_id, std::int64_t position,
                                   std::chrono::milliseconds delay);
/// All are due now.
[[nodiscard]] Error hasten_retries(Session& session, const std::string& webhook_id);
[[nodiscard]] Error end_retries(Session& session, const std::string& webhook_id,
                                const std::vector<std::int64_t>& positions);

/// Since when nothing has got through, as an age; nothing: the last attempt did.
[[nodiscard]] Result<std::optional<std::chrono::seconds>> find_failing_age(Session& session,
                                                                           const std::string& webhook_id);
[[nodiscard]] Error note_failing(Session& session, const std::string& webhook_id, bool is_failing);

}  // namespace flashsale::postgres
