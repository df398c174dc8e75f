#include "flashsale/events/parked_events.hpp"

#include <algorithm>
#include <utility>

namespace flashsale::events {

void ParkedEvents::add(Parked parked) {
  keys_[parked.key].insert(parked.position);
  const auto position = parked.position;
  events_.insert_or_assign(position, std::move(parked));
}

void ParkedEvents::remove(std::int64_t position) {
  const auto found = events_.find(position);
  if (found == events_.end()) return;
  const auto key = keys_.find(found->second.key);
  key->second.erase(position);
  if (key->second.empty()) keys_.erase(key);
  events_.erase(found);
}

void ParkedEvents::postpone(std::int64_t position, Time next_at) {
  const auto found = events_.find(position);
  if (found == events_.end()) return;
  ++found->second.failures;
  found->second.next_at = next_at;
}

void ParkedEvents::hasten(Time now) {
  for (auto& [position, parked] : events_) parked.next_at = std::min(parked.next_at, now);
}

void ParkedEvents::clear() {
  events_.clear();
  keys_.clear();
}

const ParkedEvents::Parked* ParkedEvents::next() const {
  const Parked* next = nullptr;
  for (const auto& [key, positions] : keys_) {
    const auto& first = events_.at(*positions.begin());
    // Of those that are due at one moment the one that came first.
    const bool is_earlier = next == nullptr || first.next_at < next->next_at ||
                            (first.next_at == next->next_at && first.position < next->position);
    if (is_earlier) next = &first;
  }
  return next;
}

}  // namespace flashsale::events
