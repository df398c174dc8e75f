#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "flashsale/checkout/placement.hpp"
#include "log_entry.hpp"
#include "order_progress.hpp"

namespace flashsale::checkout {

/// One order between its permit and its settlement, and to whom its steps lead.
struct InFlightOrder {
  OrderProgress progress;
  PlacementCallback callback;       ///< empty once the request has been answered
  std::shared_ptr<LogEntry> entry;  ///< of the pending log, which names it among others; of its last acceptance
  telemetry::OrderTrace trace;      ///< of its last way through the stores; nothing while tracing is off
};

/// The orders of one thread, by a token that is never used again: late answers of a settled order find nothing.
class InFlightOrders {
 public:
  std::uint64_t add(InFlightOrder&& order) {
    std::size_t index = 0;
    if (free_.empty()) {
      index = slots_.size();
      slots_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
    }
    auto& slot = slots_[index];
    slot.order = std::move(order);
    slot.used = true;
    ++size_;
    return static_cast<std::uint64_t>(slot.generation) << 32U | index;
  }

  [[nodiscard]] InFlightOrder* find(std::uint64_t token) {
    const auto index = token & 0xffffffffU;
    if (index >= slots_.size()) return nullptr;
    auto& slot = slots_[index];
    return slot.used && slot.generation == token >> 32U ? &slot.order : nullptr;
  }

  void remove(std::uint64_t token) {
    if (!find(token)) return;
    const auto index = token & 0xffffffffU;
    auto& slot = slots_[index];
    slot.order = {};
    slot.used = false;
    ++slot.generation;
    --size_;
    free_.push_back(index);
  }

  /// `visit(token, order)` for each; it may remove the order that it is given.
  template <class Visit>
  void for_each(const Visit& visit) {
    for (std::size_t index = 0; index < slots_.size(); ++index) {
      auto& slot = slots_[index];
      if (slot.used) visit(static_cast<std::uint64_t>(slot.generation) << 32U | index, slot.order);
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Slot {
    InFlightOrder order;
    std::uint32_t generation = 0;
    bool used = false;
  };
  std::deque<Slot> slots_;  ///< a deque: orders keep their address while others come
  std::vector<std::size_t> free_;
  std::size_t size_ = 0;
};

}  // namespace flashsale::checkout
