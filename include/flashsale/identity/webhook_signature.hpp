#pragma once
#include <optional>
#include <string>
#include <string_view>

// The signature of Standard Webhooks 1.0, for messages that come in and for those that go out.
namespace flashsale::identity {

/// The key of a secret as it is written: `whsec_` and 24 to 64 bytes in base64. Nothing: it is none.
[[nodiscard]] std::optional<std::string> parse_webhook_secret(std::string_view text);

/// A new one, of random bytes.
[[nodiscard]] std::string make_webhook_secret();

/// What is signed of a message.
[[nodiscard]] std::string webhook_content(std::string_view id, std::string_view timestamp, std::string_view body);

/// HMAC-SHA256 in base64: what stands behind `v1,`.
[[nodiscard]] std::string webhook_signature(std::string_view key, std::string_view content);

}  // namespace flashsale::identity
