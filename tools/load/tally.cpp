#include "tally.hpp"

#include <algorithm>

namespace flashsale::load {
namespace {

template <class Numbers>
void add(Numbers& to, const Numbers& from) {
  std::transform(to.begin(), to.end(), from.begin(), to.begin(), [](auto a, auto b) { return a + b; });
}

constexpr std::size_t index(Outcome outcome) { return static_cast<std::size_t>(outcome); }
constexpr std::size_t index(Group group) { return static_cast<std::size_t>(group); }

}  // namespace

std::string_view to_string(Group group) {
  constexpr std::array<std::string_view, kGroups> kNames{
      "committed",           "taken",      "replayed",    "refused",  "shed",          "read",
      "cancelled",           "failed",     "pay_waiting", "pay_late", "pay_confirmed", "pay_failed",
      "pay_refund_required", "pay_ignored"};
  return kNames[static_cast<std::size_t>(group)];
}

Group group_of(Kind kind, const Answer& answer) {
  if (answer.payment_outcome) {
    return static_cast<Group>(index(Group::pay_waiting) + static_cast<std::size_t>(*answer.payment_outcome));
  }
  switch (answer.outcome) {
    case Outcome::created: return Group::committed;
    case Outcome::accepted: return Group::taken;
    case Outcome::replayed: return Group::replayed;
    case Outcome::done: return kind == Kind::cancel ? Group::cancelled : Group::read;
    case Outcome::refused: return Group::refused;
    case Outcome::overloaded:
    case Outcome::unavailable:
    case Outcome::outcome_unknown: return Group::shed;
    default: return Group::failed;
  }
}

void Counters::merge(const Counters& other) {
  for (std::size_t kind = 0; kind < kKinds; ++kind) add(by_kind[kind], other.by_kind[kind]);
  add(refusals, other.refusals);
  add(other_refusals, other.other_refusals);
  add(by_group, other.by_group);
  add(payments, other.payments);
  payments_repeated += other.payments_repeated;
  requests_sent += other.requests_sent;
  connections_opened += other.connections_opened;
  duplicates_overlapping += other.duplicates_overlapping;
  buyers_used_again += other.buyers_used_again;
}

std::uint64_t Counters::checkouts(Outcome outcome) const {
  std::uint64_t sum = 0;
  for (const Kind kind : {Kind::fresh, Kind::retry, Kind::duplicate, Kind::greedy}) {
    sum += by_kind[static_cast<std::size_t>(kind)][index(outcome)];
  }
  return sum;
}

std::uint64_t Counters::all(Outcome outcome) const {
  std::uint64_t sum = checkouts(outcome);
  for (const Kind kind : {Kind::reader, Kind::cancel, Kind::pay}) {
    sum += by_kind[static_cast<std::size_t>(kind)][index(outcome)];
  }
  return sum;
}

std::uint64_t Counters::answers() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i <= index(Outcome::server_error); ++i) sum += all(static_cast<Outcome>(i));
  return sum;
}

MergedInterval merge(const std::vector<const Interval*>& intervals) {
  MergedInterval merged;
  Histogram orders;
  for (const Interval* interval : intervals) {
    add(merged.by_group, interval->by_group);
    merged.not_sent += interval->not_sent;
    merged.waiting += interval->waiting;
    merged.in_flight += interval->in_flight;
    for (const auto& [bucket, count] : interval->order_latencies) orders.record(Histogram::middle_of(bucket), count);
  }
  merged.order_p50_ns = orders.percentile(50);
  merged.order_p99_ns = orders.percentile(99);
  return merged;
}

void Tally::count(Kind kind, const Answer& answer, std::uint64_t latency_ns) {
  ++counters.by_kind[static_cast<std::size_t>(kind)][index(answer.outcome)];
  if (!is_load(kind)) return;
  const Group group = group_of(kind, answer);
  if (answer.outcome == Outcome::refused) {
    ++(is_checkout(kind) ? counters.refusals : counters.other_refusals)[answer.reason];
  }
  if (answer.payment_outcome) ++counters.payments[static_cast<std::size_t>(*answer.payment_outcome)];
  if (answer.is_repeated) ++counters.payments_repeated;
  ++counters.by_group[static_cast<std::size_t>(group)];
  ++interval_.by_group[static_cast<std::size_t>(group)];
  latencies[static_cast<std::size_t>(group)].record(latency_ns);
  if (group != Group::committed && group != Group::taken) return;
  const auto bucket = static_cast<std::uint16_t>(Histogram::bucket_of(latency_ns));
  if (order_latencies_[bucket]++ == 0) filled_.push_back(bucket);
}

void Tally::count_not_sent(Kind kind) {
  ++counters.by_kind[static_cast<std::size_t>(kind)][index(Outcome::not_sent)];
  ++interval_.not_sent;
}

Interval Tally::take_interval() {
  for (const std::uint16_t bucket : filled_) {
    interval_.order_latencies.emplace_back(bucket, order_latencies_[bucket]);
    order_latencies_[bucket] = 0;
  }
  filled_.clear();
  Interval taken = std::move(interval_);
  interval_ = Interval();
  return taken;
}

}  // namespace flashsale::load
