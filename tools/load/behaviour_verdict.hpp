#pragma once
#include <string>
#include <vector>

#include "visitors.hpp"

namespace flashsale::load {

/// What the server says of somebody whose kind is known.
struct ScoredVisitor {
  VisitorKind kind = VisitorKind::careful;
  int score = 0;
};

/// Of those whose score is `threshold` or more.
struct Detection {
  std::size_t bots = 0;
  std::size_t people = 0;
  double precision = 0;  ///< bots among them; 1 when there is nobody
  double recall = 0;     ///< of all bots
};
[[nodiscard]] Detection detect(const std::vector<ScoredVisitor>& visitors, int threshold);

/// Precision and recall by threshold, and what became of each kind at this one.
[[nodiscard]] std::string behaviour_text(const std::vector<ScoredVisitor>& visitors, int threshold);

}  // namespace flashsale::load
