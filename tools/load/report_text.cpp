#include "report_text.hpp"

#include <cinttypes>
#include <cstdio>

#include "formatted_text.hpp"

namespace flashsale::load {
namespace {

constexpr double kPercents[] = {50, 90, 99, 99.9};

void append_head(std::string& out, const Result& result) {
  append_format(out, "%s for %.1f s, sale %s, seed %" PRIu64 "\n", loop_of(result.options).c_str(), result.load_s,
                result.sale_id.c_str(), result.seed);
  append_format(out, "client: %s requests, %.2f us of CPU an answer, %s connections opened, tokens signed in %.1f s\n",
                with_thousands(result.total.requests_sent).c_str(), result.client_cpu_us_per_answer(),
                with_thousands(result.total.connections_opened).c_str(), result.tokens_s);
  const auto duplicates = result.total.by_kind[static_cast<std::size_t>(Kind::duplicate)];
  std::uint64_t sent = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Outcome::not_sent); ++i) sent += duplicates[i];
  if (sent > 0) {
    append_format(out, "duplicates: %s of %s were under way together with their first\n",
                  with_thousands(result.total.duplicates_overlapping).c_str(), with_thousands(sent).c_str());
  }
  if (result.total.buyers_used_again > 0) {
    append_format(out, "buyers: all have had their turn; %s arrivals are of buyers who came again\n",
                  with_thousands(result.total.buyers_used_again).c_str());
  }
}

void append_answers(std::string& out, const Result& result) {
  append_format(out, "\n%-32s %14s %12s\n", "answers", "count", "a second");
  for (const AnswerLine& line : answer_lines(result)) {
    const std::string name = std::string(2 * line.depth, ' ') + line.name;
    append_format(out, "%-32s %14s %12.1f\n", name.c_str(), with_thousands(line.count).c_str(),
                  result.rate(line.in_time));
  }
}

void append_latencies(std::string& out, const Result& result) {
  append_format(out, "\n%-20s %12s %9s %9s %9s %9s %9s\n", "latency, ms", "count", "p50", "p90", "p99", "p99.9", "max");
  for (std::size_t i = 0; i < kGroups; ++i) {
    const Histogram& latency = result.latencies[i];
    if (latency.count() == 0) continue;
    append_format(out, "%-20s %12s", std::string(to_string(static_cast<Group>(i))).c_str(),
                  with_thousands(latency.count()).c_str());
    for (const double percent : kPercents) append_format(out, " %9s", in_ms(latency.percentile(percent)).c_str());
    append_format(out, " %9s\n", in_ms(latency.max()).c_str());
  }
}

void append_verdict(std::string& out, const Result& result) {
  if (!result.verdict) {
    out += "\ncheck: not done\n";
    return;
  }
  const Verdict& verdict = *result.verdict;
  append_format(out, "\ncheck: %s keys (%s with an order, %s unknown) against %s rows; ",
                with_thousands(verdict.keys).c_str(), with_thousands(verdict.keys_with_order).c_str(),
                with_thousands(verdict.keys_unknown).c_str(), with_thousands(verdict.rows).c_str());
  append_format(out, result.has_settled ? "the audit was consistent after %.1f s\n" : "not settled after %.1f s\n",
                result.settled_s);
  for (std::size_t i = 0; i < kLies; ++i) {
    const Verdict::Finding& finding = verdict.findings[i];
    if (finding.count == 0) continue;
    append_format(out, "  LIE %s: %s times\n", std::string(to_string(static_cast<Lie>(i))).c_str(),
                  with_thousands(finding.count).c_str());
    for (const std::string& sample : finding.samples) out += "      " + sample + "\n";
  }
  out += verdict.passed() ? "check: PASSED\n" : "check: FAILED\n";
}

}  // namespace

std::string with_thousands(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string in_ms(std::uint64_t ns) {
  const double ms = static_cast<double>(ns) / 1e6;
  std::string out;
  append_format(out, ms < 10 ? "%.3f" : ms < 100 ? "%.2f" : "%.1f", ms);
  return out;
}

std::string progress_line(std::size_t second, const MergedInterval& interval) {
  const auto count = [&](Group group) { return with_thousands(interval.by_group[static_cast<std::size_t>(group)]); };
  std::string out;
  append_format(out, "%4zu s  201 %s  202 %s  200 %s  refused %s  503 %s  failed %s  read %s  not sent %s", second,
                count(Group::committed).c_str(), count(Group::taken).c_str(), count(Group::replayed).c_str(),
                count(Group::refused).c_str(), count(Group::shed).c_str(), count(Group::failed).c_str(),
                count(Group::read).c_str(), with_thousands(interval.not_sent).c_str());
  append_format(out, "  orders p50 %s p99 %s ms  in flight %" PRIu64 " waiting %" PRIu64,
                in_ms(interval.order_p50_ns).c_str(), in_ms(interval.order_p99_ns).c_str(), interval.in_flight,
                interval.waiting);
  return out;
}

std::string report_text(const Result& result) {
  std::string out;
  append_head(out, result);
  append_answers(out, result);
  append_latencies(out, result);
  append_verdict(out, result);
  return out;
}

}  // namespace flashsale::load
