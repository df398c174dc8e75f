#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/redis/pulse.hpp"
#include "flashsale/redis/sync_client.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::catalog {

struct PulseQuestion {
  const Sale& sale;
  std::string_view items_state;  ///< of the items that the asker has; empty: all are asked for
};

/// Of one round trip.
struct PulseAnswers {
  RedisClock clock;
  std::optional<std::int64_t> directory_version;  ///< empty: Redis has lost it
  std::vector<Result<redis::PulseReply>> sales;   ///< in the order of the questions
};

/// Asks one Redis server about the sales that are on it, many in a round trip. Where sales are on several servers each
/// has an asker: the answers of one say nothing of another's clock. Blocking; one thread.
class PulseAsker {
 public:
  PulseAsker(redis::Options redis, telemetry::Metrics& metrics);

  /// Before the questions of a beat: the server may have become another one (PROTOCOL R6). False: it is not reached.
  [[nodiscard]] bool check_server();
  /// About kAskAtOnce sales at most.
  [[nodiscard]] Result<PulseAnswers> ask(std::span<const PulseQuestion> questions);
  /// Bounds how long one round trip holds Redis.
  static constexpr std::size_t kAskAtOnce = 64;

  /// Of the last answers.
  [[nodiscard]] const RedisClock& clock() const { return clock_; }
  [[nodiscard]] const std::string& identity() const { return identity_; }

 private:
  redis::SyncClient client_;
  prometheus::Histogram& latency_;
  RedisClock clock_;
  std::string identity_;
};

}  // namespace flashsale::catalog
