#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "check.hpp"
#include "histogram.hpp"
#include "options.hpp"
#include "tally.hpp"

namespace flashsale::load {

/// What a run has found, for the reports.
struct Result {
  Options options;  ///< without secrets
  std::string sale_id;
  std::uint64_t seed = 0;
  std::string started_at;

  double load_s = 0;  ///< how long the load really lasted
  Counters total;     ///< all answers, those after the load's end included
  Counters in_time;   ///< answers while the load lasted: what rates are made of
  std::array<Histogram, kGroups> latencies;
  std::vector<MergedInterval> seconds;
  std::uint64_t payment_messages = 0;  ///< distinct ones, sent at least once
  double client_cpu_s = 0;
  double tokens_s = 0;  ///< to sign all tokens

  std::optional<Verdict> verdict;  ///< empty: not checked
  double settled_s = 0;            ///< from the end of the load until the audit was consistent
  bool has_settled = false;

  [[nodiscard]] double rate(std::uint64_t count) const { return load_s > 0 ? static_cast<double>(count) / load_s : 0; }
  [[nodiscard]] double client_cpu_us_per_answer() const {
    const auto answers = static_cast<double>(in_time.answers());
    return answers > 0 ? client_cpu_s * 1e6 / answers : 0;
  }
};

/// One line of the table of answers: what it is, how often, how often in time.
struct AnswerLine {
  std::string name;
  unsigned depth = 0;
  std::uint64_t count = 0;
  std::uint64_t in_time = 0;
};
/// Orders, refusals and failures, each on lines of their own; never one sum of them all.
[[nodiscard]] std::vector<AnswerLine> answer_lines(const Result& result);

/// `open loop, 5000 arrivals/s (poisson)` or `closed loop, 256 connections`.
[[nodiscard]] std::string loop_of(const Options& options);

}  // namespace flashsale::load
