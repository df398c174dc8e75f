#pragma once
#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "options.hpp"
#include "visitors.hpp"

namespace flashsale::load {

struct BehaviourOptions {
  std::vector<std::string> urls;
  std::string admin_url;
  std::string admin_token;
  std::string jwt_secret;
  std::string jwt_issuer;
  std::string jwt_audience;
  VisitorOptions visitors;
  std::uint64_t seed = 1;
  std::int64_t stock = -1;  ///< below zero: one for twenty people
  int threshold = 50;
};
struct ParsedBehaviourOptions {
  BehaviourOptions options;
  bool wants_help = false;
  std::string error;  ///< one line; empty: none
};
[[nodiscard]] ParsedBehaviourOptions parse_behaviour_options(const std::vector<std::string>& arguments,
                                                             const Environment& environment);
[[nodiscard]] std::string_view behaviour_usage();

/// `flashsale-load behaviour`: plays people and bots at a sale of their own, reads the scores, and holds them against
/// who they were. The text to print. Throws std::exception with one line for the user.
[[nodiscard]] std::string run_behaviour(const BehaviourOptions& options, const std::atomic<bool>& is_stopping);

}  // namespace flashsale::load
