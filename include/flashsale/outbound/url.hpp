#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace flashsale::outbound {

/// An absolute URL, as HttpClient takes it apart when it connects.
struct Url {
  std::string scheme;
  std::string host;
  bool has_credentials = false;  ///< a user, or a password
  bool has_fragment = false;
};

/// Nothing: it is none.
[[nodiscard]] std::optional<Url> parse_url(std::string_view text);

}  // namespace flashsale::outbound
