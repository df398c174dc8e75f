#pragma once
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/time.hpp"

namespace flashsale::identity {

/// Checks messages that are signed as Standard Webhooks 1.0 says: HMAC-SHA256 over `id.timestamp.body`, in base64, with
/// any of several secrets, so that they can be rotated. One
/// thread at a time.
class WebhookVerifier {
 public:
  /// At most 8 secrets, each `whsec_` and 24 to 64 bytes in base64. Throws std::invalid_argument, without quoting any,
  /// when one is not, or when there are more.
  WebhookVerifier(std::span<const std::string> secrets, std::chrono::seconds tolerance);

  enum class Verdict : std::uint8_t {
    good,
    malformed,      ///< a header is missing or not of its form; an id has letters, digits, `_` and `-` alone
    out_of_time,    ///< it says that it was signed too long ago, or in the future; its signature was not looked at
    bad_signature,  ///< of none of the secrets
  };
  /// The headers' values. `signatures` are several, separated by spaces; those of other versions than v1 are skipped.
  [[nodiscard]] Verdict verify(std::string_view id, std::string_view timestamp, std::string_view signatures,
                               std::string_view body, TimePoint now) const;

  [[nodiscard]] bool has_secrets() const { return !secrets_.empty(); }

 private:
  std::vector<std::string> secrets_;
  std::chrono::seconds tolerance_;
};

}  // namespace flashsale::identity
