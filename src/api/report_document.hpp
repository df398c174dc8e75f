#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/admin/forecasts.hpp"
#include "flashsale/postgres/behaviour_repository.hpp"
#include "flashsale/postgres/report_repository.hpp"

namespace flashsale::api {

/// What a report tells besides what is made of the sale's orders.
struct ReportExtras {
  const admin::SaleForecast* forecast = nullptr;  ///< null: the sale is not open
  std::optional<admin::SaleHindsight> hindsight;  ///< empty: nobody came
  bool knows_hindsight = true;
  std::optional<postgres::BehaviourBands> behaviour;  ///< empty: it cannot be read now
};

/// Paths of the members that are null since they cannot be read now.
[[nodiscard]] std::vector<std::string_view> unreadable_parts(const postgres::SaleReport& report,
                                                             const ReportExtras& extras);

/// The report of a sale as JSON.
[[nodiscard]] std::string report_document(const postgres::SaleReport& report, const ReportExtras& extras);

}  // namespace flashsale::api
