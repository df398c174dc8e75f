#include "flashsale/catalog/order_id_set.hpp"

#include <bit>

namespace flashsale::catalog {

OrderIdSet::OrderIdSet(std::span<const std::uint64_t> hashes)
    : slots_(std::bit_ceil(hashes.size() * 2 + 1)), mask_(slots_.size() - 1) {
  for (const auto hash : hashes) {
    if (contains(hash)) continue;
    ++size_;
    if (hash == 0) {
      has_zero_ = true;
      continue;
    }
    auto slot = hash & mask_;
    while (slots_[slot] != 0) slot = (slot + 1) & mask_;
    slots_[slot] = hash;
  }
}

bool OrderIdSet::contains(std::uint64_t hash) const {
  if (hash == 0) return has_zero_;
  for (auto slot = hash & mask_; slots_[slot] != 0; slot = (slot + 1) & mask_) {
    if (slots_[slot] == hash) return true;
  }
  return false;
}

}  // namespace flashsale::catalog
