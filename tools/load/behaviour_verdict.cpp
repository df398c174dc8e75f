#include "behaviour_verdict.hpp"

#include <algorithm>

#include "formatted_text.hpp"

namespace flashsale::load {
namespace {

void append_kind(std::string& out, const std::vector<ScoredVisitor>& visitors, VisitorKind kind, int threshold) {
  std::vector<int> scores;
  for (const auto& one : visitors) {
    if (one.kind == kind) scores.push_back(one.score);
  }
  if (scores.empty()) return;
  std::ranges::sort(scores);
  const auto found = std::ranges::count_if(scores, [&](int score) { return score >= threshold; });
  append_format(out, "  %-16s %-6s %8zu %8zd %6.1f %% %8d %8d\n", std::string(to_string(kind)).c_str(),
                is_bot(kind) ? "bot" : "person", scores.size(), static_cast<ssize_t>(found),
                100.0 * static_cast<double>(found) / static_cast<double>(scores.size()), scores[scores.size() / 2],
                scores.back());
}

}  // namespace

Detection detect(const std::vector<ScoredVisitor>& visitors, int threshold) {
  Detection detection;
  std::size_t all_bots = 0;
  for (const auto& one : visitors) {
    if (is_bot(one.kind)) ++all_bots;
    if (one.score < threshold) continue;
    ++(is_bot(one.kind) ? detection.bots : detection.people);
  }
  const auto named = detection.bots + detection.people;
  detection.precision = named == 0 ? 1 : static_cast<double>(detection.bots) / static_cast<double>(named);
  detection.recall = all_bots == 0 ? 1 : static_cast<double>(detection.bots) / static_cast<double>(all_bots);
  return detection;
}

std::string behaviour_text(const std::vector<ScoredVisitor>& visitors, int threshold) {
  const auto bots = std::ranges::count_if(visitors, [](const auto& one) { return is_bot(one.kind); });
  std::string out;
  append_format(out, "%zd people and %zd bots\n\nby threshold\n  %-10s %10s %10s %8s %8s\n",
                static_cast<ssize_t>(visitors.size()) - bots, static_cast<ssize_t>(bots), "score", "precision",
                "recall", "bots", "people");
  for (int at = 10; at <= 90; at += 10) {
    const auto found = detect(visitors, at);
    append_format(out, "  %-10d %8.1f %% %8.1f %% %8zu %8zu%s\n", at, 100 * found.precision, 100 * found.recall,
                  found.bots, found.people, at == threshold ? "  <-" : "");
  }
  append_format(out, "\nby kind, at %d\n  %-16s %-6s %8s %8s %8s %8s %8s\n", threshold, "kind", "is a", "in all",
                "found", "share", "median", "highest");
  for (const auto& [kind, name] : kVisitorNames) append_kind(out, visitors, kind, threshold);
  const auto found = detect(visitors, threshold);
  append_format(out, "\nprecision %.1f %%, recall %.1f %% at a score of %d\n", 100 * found.precision,
                100 * found.recall, threshold);
  std::vector<ScoredVisitor> undisguised = visitors;
  std::erase_if(undisguised, [](const auto& one) { return one.kind == VisitorKind::disguised; });
  const auto plain = detect(undisguised, threshold);
  append_format(out,
                "without disguised bots, which behave as people do and cannot be told: precision %.1f %%, recall "
                "%.1f %%\n",
                100 * plain.precision, 100 * plain.recall);
  return out;
}

}  // namespace flashsale::load
