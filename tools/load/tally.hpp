#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "answer.hpp"
#include "histogram.hpp"

namespace flashsale::load {

/// What latencies and the lines of a plot are kept apart by. Refusals are never mixed with orders.
enum class Group : std::uint8_t {
  committed,
  taken,
  replayed,
  refused,
  shed,
  read,
  cancelled,
  failed,
  // Payments, in the order of PaymentOutcome.
  pay_waiting,
  pay_late,
  pay_confirmed,
  pay_failed,
  pay_refund_required,
  pay_ignored,
};
inline constexpr std::size_t kGroups = 14;
[[nodiscard]] std::string_view to_string(Group group);
[[nodiscard]] Group group_of(Kind kind, const Answer& answer);

struct Counters {
  std::array<std::array<std::uint64_t, kOutcomes>, kKinds> by_kind{};
  std::array<std::uint64_t, kReasons.size()> refusals{};        ///< of checkouts
  std::array<std::uint64_t, kReasons.size()> other_refusals{};  ///< of all else
  std::array<std::uint64_t, kGroups> by_group{};
  std::array<std::uint64_t, kPaymentOutcomes> payments{};  ///< answers by PaymentOutcome
  std::uint64_t payments_repeated = 0;                     ///< of them, those to a message that was known already
  std::uint64_t requests_sent = 0;
  std::uint64_t connections_opened = 0;
  std::uint64_t duplicates_overlapping = 0;  ///< duplicates that were under way together with their first
  std::uint64_t buyers_used_again = 0;       ///< fresh attempts after every buyer has had one

  void merge(const Counters& other);
  /// Of the load's checkouts.
  [[nodiscard]] std::uint64_t checkouts(Outcome outcome) const;
  /// Of all that the load sent.
  [[nodiscard]] std::uint64_t all(Outcome outcome) const;
  [[nodiscard]] std::uint64_t answers() const;
};

/// One second of one worker, or of all of them together.
struct Interval {
  std::array<std::uint64_t, kGroups> by_group{};
  std::uint64_t not_sent = 0;
  std::uint32_t waiting = 0;  ///< for a free connection, at its end
  std::uint32_t in_flight = 0;
  std::vector<std::pair<std::uint16_t, std::uint32_t>> order_latencies;  ///< filled buckets of Histogram
};

/// Intervals of the same second of several workers as one.
struct MergedInterval {
  std::array<std::uint64_t, kGroups> by_group{};
  std::uint64_t not_sent = 0;
  std::uint64_t waiting = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t order_p50_ns = 0;  ///< of committed and taken orders
  std::uint64_t order_p99_ns = 0;
};
[[nodiscard]] MergedInterval merge(const std::vector<const Interval*>& intervals);

/// All that a worker counts. One writer.
class Tally {
 public:
  void count(Kind kind, const Answer& answer, std::uint64_t latency_ns);
  void count_not_sent(Kind kind);
  /// What was counted since the last call.
  [[nodiscard]] Interval take_interval();

  Counters counters;
  std::array<Histogram, kGroups> latencies;

 private:
  Interval interval_;
  std::vector<std::uint32_t> order_latencies_ = std::vector<std::uint32_t>(Histogram::kBuckets);
  std::vector<std::uint16_t> filled_;  ///< buckets of order_latencies_ that are not zero
};

}  // namespace flashsale::load
