#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/model/time.hpp"

namespace flashsale::identity {

/// Signed tokens that let somebody watch a sale and do nothing else, until a moment that stands in them. Nothing is
/// kept of them: each ends by itself, and all of them with another key. Any thread.
class WatchLinks {
 public:
  /// Whoever has the same secret takes each other's. Empty: a key of its own, that nobody else has and that ends with
  /// this object.
  explicit WatchLinks(std::string_view secret);

  /// Good until then, to the second.
  [[nodiscard]] std::string make(TimePoint until) const;
  /// Until when it is good, or was; empty: it is none of this key. Constant time in the signature.
  [[nodiscard]] std::optional<TimePoint> find_end(std::string_view token) const;

 private:
  std::string key_;
};

}  // namespace flashsale::identity
