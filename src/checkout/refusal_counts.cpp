#include "refusal_counts.hpp"

#include <string>

namespace flashsale::checkout {

void RefusalCounts::look_up(std::int32_t sale_no) {
  newest_ = &by_sale_[sale_no];
  newest_sale_no_ = sale_no;
}

std::vector<postgres::RefusalCount> RefusalCounts::take() {
  std::vector<postgres::RefusalCount> taken;
  for (const auto& [sale_no, counts] : by_sale_) {
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      taken.push_back({sale_no, std::string(kPlacementOutcomes[i]), static_cast<std::int64_t>(counts[i])});
    }
  }
  by_sale_.clear();
  newest_ = nullptr;
  return taken;
}

}  // namespace flashsale::checkout
