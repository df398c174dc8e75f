#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/admin/forecasts.hpp"
#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/checkout/placement.hpp"
#include "flashsale/postgres/event_sinks.hpp"
#include "ops_rates.hpp"

namespace flashsale::api {

/// Where the line of events ends, and who is told of them.
struct EventsReading {
  std::int64_t last_position = 0;
  std::vector<postgres::EventSink> sinks;
  std::vector<postgres::SinkLag> lags;  ///< of the active ones
};

/// What one look at this process has found. Counts are since its start.
struct OpsReading {
  TimePoint at{};
  catalog::SteadyTime taken_at{};
  std::shared_ptr<const catalog::Snapshot> snapshot;  ///< never null
  HistogramCounts checkout_seconds;                   ///< of every answer to a checkout
  std::array<double, checkout::kPlacementOutcomes.size()> outcomes{};
  double orders_in_flight = 0;
  double orders_in_flight_limit = 0;
  double pending_log_entries = 0;
  double pending_log_oldest_age_s = 0;
  double connections = 0;
  std::chrono::milliseconds pulse_age{0};
  std::vector<std::string_view> failing_parts;
  std::shared_ptr<const admin::Forecasts> forecasts;  ///< null: there are none
  bool has_events = false;
  std::optional<EventsReading> events;  ///< empty: not known, or there are none
};

/// How much of all sales and items is shown.
inline constexpr std::size_t kOpsSalesMax = 20;
inline constexpr std::size_t kOpsItemsMax = 200;

/// What `/ops` shows of one second: stock, orders and forecast of all instances, everything else of the one that
/// answers. `before` is empty with the first look: rates are null then.
[[nodiscard]] std::string ops_document(const std::string& instance, const std::optional<OpsReading>& before,
                                       const OpsReading& now);

}  // namespace flashsale::api
