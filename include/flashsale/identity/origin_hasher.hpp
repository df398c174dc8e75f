#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace flashsale::identity {

/// Hex digits of a hash of where an order comes from.
inline constexpr std::size_t kOriginHashDigits = 32;

/// What stands in events for a buyer's address and for a payment's card: whoever has not got the key can see that two
/// orders have one in common, and neither tell which it is nor try those that there are. Immutable: any thread.
class OriginHasher {
 public:
  /// `key`: setting events.origin_key; empty: it is off.
  explicit OriginHasher(std::string key) : key_(std::move(key)) {}

  [[nodiscard]] bool is_on() const { return !key_.empty(); }
  /// Both are 128 bits of an HMAC-SHA256 in lower-case hex, each of a text that the other cannot be of. Empty while it
  /// is off, and of nothing. Some microseconds.
  [[nodiscard]] std::string of_client(std::string_view network) const;  ///< as client_network() gives it
  [[nodiscard]] std::string of_card(std::string_view fingerprint) const;

 private:
  [[nodiscard]] std::string hash(std::string_view kind, std::string_view origin) const;

  std::string key_;
};

}  // namespace flashsale::identity
