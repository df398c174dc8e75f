#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "flashsale/forecast/hindsight.hpp"
#include "flashsale/forecast/sale_outlook.hpp"
#include "flashsale/model/sale.hpp"

namespace flashsale::admin {

/// So many open sales have a forecast, the newest ones.
inline constexpr std::size_t kForecastSalesMax = 20;

/// What comes next in one open sale.
struct SaleForecast {
  std::shared_ptr<const Sale> sale;
  TimePoint as_of{};  ///< the end of the newest second that was counted: all times ahead count from here
  forecast::Outlook outlook;
};
using Forecasts = std::vector<SaleForecast>;

/// Null: nothing is said of this sale.
[[nodiscard]] inline const SaleForecast* find_forecast(const Forecasts& forecasts, std::int32_t sale_no) {
  for (const auto& one : forecasts) {
    if (one.sale->sale_no == sale_no) return &one;
  }
  return nullptr;
}

/// How good the forecast of a sale was, up to now.
struct SaleHindsight {
  std::int64_t seconds = 0;    ///< from the first checkout to the last
  std::int64_t checkouts = 0;  ///< in these
  forecast::Hindsight hindsight;
};

}  // namespace flashsale::admin
