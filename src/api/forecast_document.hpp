#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/admin/forecasts.hpp"

namespace flashsale::api {

/// The member `name`: what comes next in a sale, with at most so many of its items; null: nothing is said of it.
void append_forecast(std::string& out, std::string_view name, const admin::SaleForecast* forecast,
                     std::size_t items_max);

/// The member `name`: how good it was; null: nobody came.
void append_hindsight(std::string& out, std::string_view name, const std::optional<admin::SaleHindsight>& looked_back);

}  // namespace flashsale::api
