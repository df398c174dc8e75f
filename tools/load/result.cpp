#include "result.hpp"

#include <cstdio>

namespace flashsale::load {
namespace {

class Lines {
 public:
  explicit Lines(const Result& result) : result_(result) {}

  void add(const char* name, unsigned depth, const std::vector<Outcome>& outcomes) {
    AnswerLine line{name, depth, 0, 0};
    for (const Outcome outcome : outcomes) {
      line.count += result_.total.checkouts(outcome);
      line.in_time += result_.in_time.checkouts(outcome);
    }
    lines_.push_back(line);
  }
  /// The line only when there is something to tell.
  void add_if_any(const char* name, unsigned depth, const std::vector<Outcome>& outcomes) {
    add(name, depth, outcomes);
    if (lines_.back().count == 0) lines_.pop_back();
  }
  void add_of(const char* name, Kind kind, Outcome outcome) {
    const auto k = static_cast<std::size_t>(kind);
    const auto o = static_cast<std::size_t>(outcome);
    const std::uint64_t count = result_.total.by_kind[k][o];
    if (count > 0) lines_.push_back({name, 0, count, result_.in_time.by_kind[k][o]});
  }
  void add_refusals(const std::array<std::uint64_t, kReasons.size()>& total,
                    const std::array<std::uint64_t, kReasons.size()>& in_time) {
    for (std::size_t i = 0; i < kReasons.size(); ++i) {
      if (total[i] > 0) lines_.push_back({std::string(kReasons[i]), 1, total[i], in_time[i]});
    }
  }
  void add_payments() {
    const std::size_t first = lines_.size();
    AnswerLine all{"payments answered", 0, 0, 0};
    for (std::size_t i = 0; i < kPaymentOutcomes; ++i) {
      const std::uint64_t count = result_.total.payments[i];
      const std::uint64_t in_time = result_.in_time.payments[i];
      all.count += count;
      all.in_time += in_time;
      if (count > 0) lines_.push_back({std::string(to_string(static_cast<PaymentOutcome>(i))), 1, count, in_time});
    }
    if (all.count == 0) return;
    lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(first), all);
    lines_.push_back({"payments told of again", 0, result_.total.payments_repeated, result_.in_time.payments_repeated});
  }
  /// Of all but checkouts, in one line.
  void add_others_failed() {
    AnswerLine line{"reads, cancels, payments failed", 0, 0, 0};
    for (std::size_t i = static_cast<std::size_t>(Outcome::overloaded); i < kOutcomes; ++i) {
      const auto outcome = static_cast<Outcome>(i);
      line.count += result_.total.all(outcome) - result_.total.checkouts(outcome);
      line.in_time += result_.in_time.all(outcome) - result_.in_time.checkouts(outcome);
    }
    if (line.count > 0) lines_.push_back(line);
  }
  [[nodiscard]] std::vector<AnswerLine> take() { return std::move(lines_); }

 private:
  const Result& result_;
  std::vector<AnswerLine> lines_;
};

}  // namespace

std::vector<AnswerLine> answer_lines(const Result& result) {
  Lines lines(result);
  lines.add("accepted (201, 202)", 0, {Outcome::created, Outcome::accepted});
  lines.add("committed (201)", 1, {Outcome::created});
  lines.add("taken (202)", 1, {Outcome::accepted});
  lines.add("replayed (200)", 0, {Outcome::replayed});
  lines.add("refused (4xx)", 0, {Outcome::refused});
  lines.add_refusals(result.total.refusals, result.in_time.refusals);
  lines.add("shed (503)", 0, {Outcome::overloaded, Outcome::unavailable, Outcome::outcome_unknown});
  lines.add_if_any("overloaded", 1, {Outcome::overloaded});
  lines.add_if_any("unavailable", 1, {Outcome::unavailable});
  lines.add_if_any("outcome-unknown", 1, {Outcome::outcome_unknown});
  lines.add("failed", 0,
            {Outcome::server_error, Outcome::timed_out, Outcome::connection_lost, Outcome::connect_failed,
             Outcome::protocol_error});
  lines.add_if_any("other 5xx", 1, {Outcome::server_error});
  lines.add_if_any("timed out", 1, {Outcome::timed_out});
  lines.add_if_any("connection lost", 1, {Outcome::connection_lost});
  lines.add_if_any("connection refused", 1, {Outcome::connect_failed});
  lines.add_if_any("no proper answer", 1, {Outcome::protocol_error});
  lines.add("not sent", 0, {Outcome::not_sent});
  lines.add_of("catalog read", Kind::reader, Outcome::done);
  lines.add_of("catalog refused", Kind::reader, Outcome::refused);
  lines.add_of("cancelled", Kind::cancel, Outcome::done);
  lines.add_of("cancellation refused", Kind::cancel, Outcome::refused);
  lines.add_payments();
  lines.add_of("payment refused", Kind::pay, Outcome::refused);
  lines.add_others_failed();
  return lines.take();
}

std::string loop_of(const Options& options) {
  if (options.rate_per_s == 0) return "closed loop, " + std::to_string(options.connections) + " connections";
  char rate[48];
  std::snprintf(rate, sizeof rate, "open loop, %.6g arrivals/s", options.rate_per_s);
  return std::string(rate) + (options.arrivals == ArrivalPattern::poisson ? " (poisson)" : " (uniform)");
}

}  // namespace flashsale::load
