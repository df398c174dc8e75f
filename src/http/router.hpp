#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flashsale/api/route.hpp"

namespace flashsale::http {

/// Finds the handler of a method and path. Patterns are literal segments and up to two `{…}` segments; a literal one
/// wins over a parameter. Matching allocates nothing. A trailing slash makes another path.
class Router {
 public:
  enum class Outcome : std::uint8_t { found, no_path, no_method };

  struct Match {
    Outcome outcome = Outcome::no_path;
    std::uint32_t pattern = 0;              ///< index in patterns(), unless no_path
    const api::Handler* handler = nullptr;  ///< if found
    std::uint32_t parameter_count = 0;
    std::array<std::string_view, 2> parameters;  ///< as sent, still percent-encoded
  };

  /// Keeps references into `routes`, which must outlive the router. Aborts on two routes of the same method and
  /// pattern and on malformed patterns: both are mistakes of the program.
  explicit Router(const api::Routes& routes);

  [[nodiscard]] Match match(api::Method method, std::string_view path) const;

  [[nodiscard]] std::size_t pattern_count() const { return patterns_.size(); }
  [[nodiscard]] std::string_view pattern(std::uint32_t index) const { return patterns_[index].text; }
  /// Value of Allow: the methods of the pattern's routes, HEAD beside GET, and OPTIONS.
  [[nodiscard]] std::string_view allow(std::uint32_t index) const { return patterns_[index].allow; }
  /// Every route as (method, pattern), in the order given; without the HEAD and OPTIONS that are implied.
  [[nodiscard]] const std::vector<std::pair<api::Method, std::string_view>>& endpoints() const { return endpoints_; }

 private:
  static constexpr std::size_t kSegmentsMax = 10;
  static constexpr std::size_t kMethodCount = static_cast<std::size_t>(api::Method::other);
  using Segments = std::array<std::string_view, kSegmentsMax>;

  struct Pattern {
    std::string_view text;
    Segments segments;  // an empty one stands for a parameter
    std::uint32_t segment_count = 0;
    std::uint32_t parameter_mask = 0;  // bit 31 - i: segment i; so that less is more specific
    std::array<const api::Handler*, kMethodCount> handlers{};
    std::string allow;
  };

  static std::uint32_t split(std::string_view path, Segments& segments);
  static Pattern parse(std::string_view text);
  static bool fits(const Pattern& pattern, const Segments& segments, Match& match);
  static std::string allowed_methods(const Pattern& pattern);

  std::vector<Pattern> patterns_;
  std::vector<std::pair<api::Method, std::string_view>> endpoints_;
};

[[nodiscard]] std::string_view to_string(api::Method method);

/// Appends `text` with its %XX decoded. False when an escape is malformed or stands for NUL or a control character.
[[nodiscard]] bool percent_decode(std::string_view text, std::string& out);

}  // namespace flashsale::http
