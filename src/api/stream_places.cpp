#include "flashsale/api/stream_places.hpp"

#include <algorithm>

#include "flashsale/identity/client_address.hpp"

namespace flashsale::api {

StreamPlaces::Taken StreamPlaces::take(std::string_view address) {
  auto network = identity::client_network(address);
  const std::lock_guard lock(mutex_);
  if (taken_ >= options_.streams_max) return {nullptr, Refusal::all_taken};
  const auto known = by_network_.find(network);
  if (known != by_network_.end() && known->second >= options_.streams_of_address_max) {
    return {nullptr, Refusal::address_has_enough};
  }
  ++by_network_[network];
  ++taken_;
  // What it points to nobody looks at: what counts is its end.
  return {Place(this, [network = std::move(network)](StreamPlaces* places) { places->give_back(network); }),
          Refusal::none};
}

void StreamPlaces::bound(std::uint32_t streams_max) {
  options_.streams_max = std::min(options_.streams_max, std::max(1U, streams_max));
}

std::size_t StreamPlaces::taken() const {
  const std::lock_guard lock(mutex_);
  return taken_;
}

void StreamPlaces::give_back(const std::string& network) {
  const std::lock_guard lock(mutex_);
  --taken_;
  const auto known = by_network_.find(network);
  if (--known->second == 0) by_network_.erase(known);
}

}  // namespace flashsale::api
