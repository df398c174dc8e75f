#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace flashsale::catalog {

/// An immutable set of 64-bit hashes of order ids: open addressing at half load, 16 bytes an order. A hash that
/// collides only sends a request to Redis that memory could have refused. Any thread.
class OrderIdSet {
 public:
  explicit OrderIdSet(std::span<const std::uint64_t> hashes);
  [[nodiscard]] bool contains(std::uint64_t hash) const;
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::vector<std::uint64_t> slots_;  ///< 0: free
  std::uint64_t mask_ = 0;
  std::size_t size_ = 0;
  bool has_zero_ = false;
};

}  // namespace flashsale::catalog
