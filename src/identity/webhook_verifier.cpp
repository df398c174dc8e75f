#include "flashsale/identity/webhook_verifier.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "flashsale/identity/webhook_signature.hpp"

namespace flashsale::identity {
namespace {

constexpr std::string_view kVersionPrefix = "v1,";
/// Each costs a hash of the body, whoever has sent it.
constexpr std::size_t kSecretsMax = 8;
constexpr std::size_t kIdMax = 128;
/// A message signed with every secret while they are rotated has a few; more is somebody's try.
constexpr int kSignaturesMax = 16;

bool is_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  if (text.starts_with('-')) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return seconds;
}

/// Visible ASCII but for the dot: it separates the parts that are signed, and `evt.1` with time 2 would share its
/// signature with `evt` of time 1 and a body that begins with `2.`.
constexpr bool is_id_char(char c) { return c > ' ' && c <= '~' && c != '.'; }

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= kIdMax && std::ranges::all_of(text, is_id_char);
}

/// The seconds may be of any size, and so are compared without a sum.
bool is_near(std::int64_t seconds, std::int64_t now, std::int64_t tolerance) {
  return seconds <= now ? now - seconds <= tolerance : seconds - now <= tolerance;
}

/// The v1 signatures of the header, as they stand.
std::vector<std::string_view> parse_signatures(std::string_view header) {
  std::vector<std::string_view> found;
  for (int i = 0; i < kSignaturesMax && !header.empty(); ++i) {
    const auto space = header.find(' ');
    const auto one = header.substr(0, space);
    header = space == std::string_view::npos ? std::string_view{} : header.substr(space + 1);
    if (one.starts_with(kVersionPrefix)) found.push_back(one.substr(kVersionPrefix.size()));
  }
  return found;
}

}  // namespace

WebhookVerifier::WebhookVerifier(std::span<const std::string> secrets, std::chrono::seconds tolerance)
    : tolerance_(tolerance) {
  if (secrets.size() > kSecretsMax) throw std::invalid_argument("there are more than 8 webhook secrets");
  for (const auto& text : secrets) {
    const auto secret = parse_webhook_secret(text);
    if (!secret) {
      throw std::invalid_argument("webhook secret " + std::to_string(secrets_.size() + 1) +
                                  " must be whsec_ and 24 to 64 bytes in base64");
    }
    secrets_.push_back(*secret);
  }
}

WebhookVerifier::Verdict WebhookVerifier::verify(std::string_view id, std::string_view timestamp,
                                                 std::string_view signatures, std::string_view body,
                                                 TimePoint now) const {
  const auto seconds = parse_seconds(timestamp);
  const auto offered = parse_signatures(signatures);
  if (!is_id(id) || !seconds || offered.empty()) return Verdict::malformed;
  // Before the signature, which costs more than anything else here.
  const auto now_s = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (!is_near(*seconds, now_s, tolerance_.count())) return Verdict::out_of_time;
  const auto content = webhook_content(id, timestamp, body);
  bool matches = false;
  // All of them, so that the time tells nothing about which one nearly fits.
  for (const auto& secret : secrets_) {
    const auto expected = webhook_signature(secret, content);
    for (const auto& one : offered) matches = is_equal(one, expected) || matches;
  }
  return matches ? Verdict::good : Verdict::bad_signature;
}

}  // namespace flashsale::identity
