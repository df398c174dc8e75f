#include "past_sales.hpp"

#include <boost/asio/post.hpp>
#include <optional>
#include <utility>

namespace flashsale::checkout {
namespace {

/// Orders looked up by one thread at once.
constexpr std::size_t kLookupsMax = 64;

PlacementResult result_of(const Placement& placement, const Result<std::optional<Order>>& found) {
  if (!found) return {PlacementOutcome::unavailable, {}};
  if (!*found) return {PlacementOutcome::sale_not_open, {}};
  return {is_of(placement, **found) ? PlacementOutcome::replayed : PlacementOutcome::key_reused, **found};
}

}  // namespace

void PastSales::place(const Placement& placement, const PlacementCallback& callback) {
  auto answered = [self = shared_from_this(), placement, callback](Result<std::optional<Order>> found) {
    boost::asio::post(self->context_, [self, placement, callback, found = std::move(found)] {
      --self->under_way_;
      callback(result_of(placement, found));
    });
  };
  const bool is_asked = under_way_ < kLookupsMax && lookup_.find(placement.id, std::move(answered));
  if (!is_asked) return callback({PlacementOutcome::overloaded, {}});
  ++under_way_;
}

}  // namespace flashsale::checkout
