#pragma once
#include <string>

#include "flashsale/postgres/report_repository.hpp"

namespace flashsale::api {

/// The report of a sale as JSON.
[[nodiscard]] std::string report_document(const postgres::SaleReport& report);

}  // namespace flashsale::api
