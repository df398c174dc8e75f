#include "flashsale/identity/token_verifier.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>
#include <vector>

#include "base64url.hpp"
#include "flashsale/model/identifier.hpp"
#include "json_object.hpp"
#include "key_set.hpp"

namespace flashsale::identity {
namespace {

constexpr std::size_t kTokenBytesMax = 4096;
constexpr std::size_t kSignatureBytesMax = 1024;  // RSA of 8192 bits
constexpr std::size_t kKnownTokens = 1024;

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;  ///< header.payload
};

std::optional<Parts> split(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
               token.substr(0, second)};
}

/// Seconds since 1970. Doubles, since a NumericDate may have a fraction (RFC 7519 section 2) and need not fit a clock.
struct ValidTime {
  double not_before_s = -std::numeric_limits<double>::infinity();
  double expires_s = 0;

  [[nodiscard]] TokenFailure judge(double now_s, double leeway_s) const {
    if (now_s >= expires_s + leeway_s) return TokenFailure::expired;
    if (now_s < not_before_s - leeway_s) return TokenFailure::not_yet_valid;
    return TokenFailure::none;
  }
};

/// False when the member is there and no number that a double can hold.
bool read_date(const JsonMember* member, double& seconds) {
  if (member == nullptr) return true;
  if (member->kind != JsonKind::number) return false;
  const char* const end = member->text.data() + member->text.size();
  const auto [stopped, error] = std::from_chars(member->text.data(), end, seconds);
  return error == std::errc{} && stopped == end;
}

struct Claims {
  const JsonMember* subject = nullptr;
  const JsonMember* issuer = nullptr;
  const JsonMember* audience = nullptr;
  ValidTime time;
};

/// The registered claims, or nothing when one is not of the type that RFC 7519 gives it or `exp` is missing.
std::optional<Claims> read_claims(const JsonObject& payload) {
  Claims claims;
  const JsonMember* expires = nullptr;
  const JsonMember* not_before = nullptr;
  const JsonMember* issued = nullptr;
  for (const JsonMember& member : payload.members()) {
    if (member.name.size() != 3) continue;
    if (member.name == "sub") claims.subject = &member;
    if (member.name == "iss") claims.issuer = &member;
    if (member.name == "aud") claims.audience = &member;
    if (member.name == "exp") expires = &member;
    if (member.name == "nbf") not_before = &member;
    if (member.name == "iat") issued = &member;
  }
  double issued_s = 0;  // its type is checked; when it was made decides nothing
  if (expires == nullptr || !read_date(expires, claims.time.expires_s)) return std::nullopt;
  if (!read_date(not_before, claims.time.not_before_s) || !read_date(issued, issued_s)) return std::nullopt;
  if (claims.issuer != nullptr && claims.issuer->kind != JsonKind::string) return std::nullopt;
  return claims;
}

TokenFailure judge_audience(const JsonMember* member, std::string_view audience) {
  if (member == nullptr) return audience.empty() ? TokenFailure::none : TokenFailure::wrong_audience;
  bool is_found = audience.empty();
  const auto compare = [&](std::string_view one) { is_found = is_found || one == audience; };
  if (member->kind == JsonKind::string) {
    compare(member->text);
  } else if (member->kind != JsonKind::array || !for_each_string(member->text, compare)) {
    return TokenFailure::malformed;
  }
  return is_found ? TokenFailure::none : TokenFailure::wrong_audience;
}

TokenFailure judge_issuer(const JsonMember* member, std::string_view issuer) {
  const bool is_right = issuer.empty() || (member != nullptr && member->text == issuer);
  return is_right ? TokenFailure::none : TokenFailure::wrong_issuer;
}

TokenFailure judge_subject(const JsonMember* member) {
  const bool is_valid = member != nullptr && member->kind == JsonKind::string && is_valid_customer_id(member->text);
  return is_valid ? TokenFailure::none : TokenFailure::bad_subject;
}

/// Tokens with a public-key signature that have been verified: a buyer sends the same one with each request, and a
/// check takes 20 to 150 µs. A fixed number of places by hash; a newer token takes an older one's place. Only whole
/// tokens match, and their time is judged at each use.
class KnownTokens {
 public:
  struct Entry {
    std::string token;
    std::string customer_id;
    ValidTime time;
  };

  explicit KnownTokens(std::size_t places) : entries_(places) {}

  [[nodiscard]] const Entry* find(std::string_view token) const {
    if (entries_.empty()) return nullptr;
    const Entry& entry = entries_[place_of(token)];
    const bool is_same =
        entry.token.size() == token.size() && CRYPTO_memcmp(entry.token.data(), token.data(), token.size()) == 0;
    return is_same ? &entry : nullptr;
  }

  const Entry& remember(std::string_view token, std::string_view customer_id, const ValidTime& time) {
    Entry& entry = entries_[place_of(token)];
    entry.token.clear();  // should one of the copies fail for want of memory, the place matches no token
    entry.customer_id = customer_id;
    entry.time = time;
    entry.token = token;
    return entry;
  }

 private:
  [[nodiscard]] std::size_t place_of(std::string_view token) const {
    return std::hash<std::string_view>{}(token) % entries_.size();
  }

  std::vector<Entry> entries_;
};

VerifiedToken refused(TokenFailure failure) { return {failure, {}}; }

}  // namespace

std::string_view to_string(TokenFailure failure) {
  switch (failure) {
    case TokenFailure::none: return "none";
    case TokenFailure::malformed: return "malformed";
    case TokenFailure::unsupported_algorithm: return "unsupported_algorithm";
    case TokenFailure::unknown_key: return "unknown_key";
    case TokenFailure::bad_signature: return "bad_signature";
    case TokenFailure::expired: return "expired";
    case TokenFailure::not_yet_valid: return "not_yet_valid";
    case TokenFailure::wrong_issuer: return "wrong_issuer";
    case TokenFailure::wrong_audience: return "wrong_audience";
    case TokenFailure::bad_subject: return "bad_subject";
  }
  return "unknown";
}

struct TokenVerifier::State {
  explicit State(const TokenOptions& options)
      : keys(options),
        issuer(options.issuer),
        audience(options.audience),
        leeway_s(static_cast<double>(options.leeway.count())),
        known(keys.has_public_keys() ? kKnownTokens : 0) {
    if (options.leeway.count() < 0) throw std::invalid_argument("the leeway for token times must not be negative");
  }

  /// The key that a token with this header is verified with.
  KeySet::Choice choose_key(std::string_view header_text);
  VerifiedToken judge_payload(std::string_view payload_text, double now_s, ValidTime& time);

  KeySet keys;
  std::string issuer;
  std::string audience;
  double leeway_s;
  KnownTokens known;

  // Nearly all tokens of an issuer have the same header: the last one that led to a key is remembered.
  std::string last_header;
  VerificationKey* last_key = nullptr;

  JsonObject object;  ///< of the header, then of the payload
  std::array<char, kTokenBytesMax> bytes;
  std::array<char, kSignatureBytesMax> signature;
};

KeySet::Choice TokenVerifier::State::choose_key(std::string_view header_text) {
  if (last_key != nullptr && header_text == last_header) return {last_key, TokenFailure::none};
  const KeySet::Choice malformed{nullptr, TokenFailure::malformed};

  const auto json = decode_base64url(header_text, bytes);
  if (!json || !object.parse(*json)) return malformed;
  // Extensions that must be understood (RFC 7515 section 4.1.11): none is.
  if (object.find("crit") != nullptr) return malformed;
  const JsonMember* const alg = object.find("alg");
  const JsonMember* const kid = object.find("kid");
  if (alg == nullptr || alg->kind != JsonKind::string) return malformed;
  if (kid != nullptr && kid->kind != JsonKind::string) return malformed;

  const KeySet::Choice choice = keys.choose(alg->text, kid ? std::optional(kid->text) : std::nullopt);
  if (choice.key != nullptr) {
    last_key = nullptr;
    last_header = header_text;
    last_key = choice.key;
  }
  return choice;
}

VerifiedToken TokenVerifier::State::judge_payload(std::string_view payload_text, double now_s, ValidTime& time) {
  const auto json = decode_base64url(payload_text, bytes);
  if (!json || !object.parse(*json)) return refused(TokenFailure::malformed);
  const std::optional<Claims> claims = read_claims(object);
  if (!claims) return refused(TokenFailure::malformed);
  time = claims->time;
  for (const TokenFailure failure : {claims->time.judge(now_s, leeway_s), judge_issuer(claims->issuer, issuer),
                                     judge_audience(claims->audience, audience), judge_subject(claims->subject)}) {
    if (failure != TokenFailure::none) return refused(failure);
  }
  return {TokenFailure::none, claims->subject->text};
}

TokenVerifier::TokenVerifier(const TokenOptions& options) : state_(std::make_unique<State>(options)) {}
TokenVerifier::~TokenVerifier() = default;
TokenVerifier::TokenVerifier(TokenVerifier&&) noexcept = default;

VerifiedToken TokenVerifier::verify(std::string_view token, std::chrono::system_clock::time_point now) {
  State& state = *state_;
  const double now_s = std::chrono::duration<double>(now.time_since_epoch()).count();
  if (token.empty() || token.size() > kTokenBytesMax) return refused(TokenFailure::malformed);
  if (const KnownTokens::Entry* const entry = state.known.find(token)) {
    const TokenFailure failure = entry->time.judge(now_s, state.leeway_s);
    return failure == TokenFailure::none ? VerifiedToken{failure, entry->customer_id} : refused(failure);
  }

  const std::optional<Parts> parts = split(token);
  if (!parts) return refused(TokenFailure::malformed);
  const KeySet::Choice choice = state.choose_key(parts->header);
  if (choice.key == nullptr) return refused(choice.failure);
  const auto signature = decode_base64url(parts->signature, state.signature);
  if (!signature) return refused(TokenFailure::malformed);
  if (!choice.key->verify(parts->signed_text, *signature)) return refused(TokenFailure::bad_signature);

  ValidTime time;
  const VerifiedToken verified = state.judge_payload(parts->payload, now_s, time);
  if (verified.failure != TokenFailure::none || choice.key->algorithm() == Algorithm::hs256) return verified;
  return {TokenFailure::none, state.known.remember(token, verified.customer_id, time).customer_id};
}

}  // namespace flashsale::identity
