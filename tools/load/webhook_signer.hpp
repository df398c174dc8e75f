#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flashsale::load {

/// Signs as Standard Webhooks 1.0 says. Written apart from the server's verifier: a mistake of one is not the other's.
class WebhookSigner {
 public:
  /// Empty unless `text` is `whsec_` and 24 to 64 bytes in base64.
  [[nodiscard]] static std::optional<WebhookSigner> parse(std::string_view text);

  /// The three header fields of a message, each with its line end.
  void append_fields(std::string& out, std::string_view webhook_id, std::int64_t unix_s, std::string_view body) const;

 private:
  explicit WebhookSigner(std::string secret) : secret_(std::move(secret)) {}

  std::string secret_;
};

}  // namespace flashsale::load
