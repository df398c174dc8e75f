#pragma once
#include <optional>
#include <string>

#include "flashsale/admin/forecasts.hpp"
#include "flashsale/postgres/behaviour_repository.hpp"
#include "flashsale/postgres/report_repository.hpp"

namespace flashsale::api {

/// What a report says of what comes, and of how well that was known before.
struct ReportedForecast {
  const admin::SaleForecast* now = nullptr;  ///< null: the sale is not open
  std::optional<admin::SaleHindsight> looked_back;
};

/// The report of a sale as JSON.
[[nodiscard]] std::string report_document(const postgres::SaleReport& report, const ReportedForecast& forecast,
                                          const postgres::BehaviourBands& behaviour);

}  // namespace flashsale::api
