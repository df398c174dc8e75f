#pragma once
#include <string>

#include "flashsale/insight/figures.hpp"

namespace flashsale::insight {

/// All figures as a JSON document, a row a line: `orders`, `items`, `windows`, `buyers` and `shared_origins`. It names
/// customers.
[[nodiscard]] std::string figures_document(const Figures& figures, TimePoint now);

/// How the reading goes, for monitoring.
struct Reading {
  std::int64_t failures = 0;  ///< answers that were none
  TimePoint answered_at{};    ///< when the feed has answered last
};

/// Prometheus text. Series of the 50 sales and 500 items that were heard of last, nobody's name, and no hash.
[[nodiscard]] std::string figures_metrics(const Figures& figures, const Reading& reading, TimePoint now);

}  // namespace flashsale::insight
