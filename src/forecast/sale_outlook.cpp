#include "flashsale/forecast/sale_outlook.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace flashsale::forecast {

SaleOutlook::SaleOutlook(Prior prior, const Model& model)
    : model_(&model), prior_(std::move(prior)), told_(adaptation_.tell(model.look_ahead(history_, prior_))) {}

void SaleOutlook::add_second(double arrivals, std::span<const std::int64_t> remaining) {
  history_.add_second(arrivals);
  adaptation_.add_second(arrivals);
  told_ = adaptation_.tell(model_->look_ahead(history_, prior_));
  if (remaining.empty()) return;
  conversions_.resize(remaining.size());
  for (std::size_t i = 0; i < remaining.size(); ++i) {
    const bool was_known = i < remaining_.size();
    const std::int64_t taken = was_known ? std::max<std::int64_t>(0, remaining_[i] - remaining[i]) : 0;
    // Once it is sold out, what comes says nothing about what it would take.
    const bool is_on_sale = was_known && remaining_[i] > 0;
    if (is_on_sale) conversions_[i].add_second(arrivals, static_cast<double>(taken));
  }
  remaining_.assign(remaining.begin(), remaining.end());
}

Outlook SaleOutlook::look() const {
  Outlook outlook;
  outlook.elapsed_s = history_.elapsed_s();
  outlook.sell_outs.resize(remaining_.size());
  if (!knows_enough(history_, prior_)) return outlook;
  outlook.arrivals = told_;
  for (std::size_t i = 0; i < remaining_.size(); ++i) {
    outlook.sell_outs[i] = sell_out_of(remaining_[i], conversions_[i], *outlook.arrivals);
  }
  return outlook;
}

}  // namespace flashsale::forecast
