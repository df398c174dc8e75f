#include "flashsale/identity/token_verifier.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base64url.hpp"
#include "flashsale/identity/client_address.hpp"
#include "flashsale/model/identifier.hpp"
#include "json_object.hpp"
#include "key_set.hpp"
#include "token_memory.hpp"

namespace flashsale::identity {
namespace {

constexpr std::size_t kSignatureBytesMax = 1024;  // RSA of 8192 bits
constexpr std::size_t kKnownTokenSets = 4096;
/// More than that is time that others had the processor.
constexpr std::chrono::milliseconds kCheckMost{2};

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

VerifiedToken refused(TokenFailure failure) { return {failure, {}}; }

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

/// RFC 9068 and 7519: an access token, or a JWT that does not say what it is for. Other kinds are signed with the same
/// keys and must not pass for one (RFC 8725 section 3.11).
TokenFailure judge_type(const JsonMember* typ) {
  if (typ == nullptr) return TokenFailure::none;
  if (typ->kind != JsonKind::string) return TokenFailure::malformed;
  for (const std::string_view accepted : {"jwt", "at+jwt", "application/jwt", "application/at+jwt"}) {
    if (equals_ignoring_case(typ->text, accepted)) return TokenFailure::none;
  }
  return TokenFailure::wrong_type;
}

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
    case TokenFailure::too_long: return "too_long";
    case TokenFailure::wrong_type: return "wrong_type";
    case TokenFailure::expires_too_late: return "expires_too_late";
    case TokenFailure::too_many_checks: return "too_many_checks";
  }
  return "unknown";
}

struct TokenVerifier::State {
  State(const TokenOptions& options, std::shared_ptr<CheckedTokens> shared)
      : keys(options),
        checked(shared ? std::move(shared) : make_checked_tokens(options, 1)),
        issuer(options.issuer),
        audience(options.audience),
        leeway_s(static_cast<double>(options.leeway.count())),
        lifetime_max_s(options.lifetime_max.count() == 0 ? std::numeric_limits<double>::infinity()
                                                         : static_cast<double>(options.lifetime_max.count())),
        known(keys.has_public_keys() ? kKnownTokenSets : 0) {
    if (options.leeway.count() < 0) throw std::invalid_argument("the leeway for token times must not be negative");
  }

  /// The key that a token with this header is verified with.
  KeySet::Choice choose_key(std::string_view header_text);
  /// Of a public key: unless it is known whether it is right, or too many of this sender's were wrong.
  [[nodiscard]] TokenFailure check_signature(VerificationKey& key, const Parts& parts, std::string_view signature,
                                             const TokenHash& hash, const TokenSender& sender);
  /// Into `current`, all but the time judged for good.
  void read_payload(std::string_view payload_text);
  [[nodiscard]] VerifiedToken judge(const KnownTokens::Entry& token, double now_s) const;

  KeySet keys;
  std::shared_ptr<CheckedTokens> checked;
  std::string issuer;
  std::string audience;
  double leeway_s;
  double lifetime_max_s;
  KnownTokens known;

  // Nearly all tokens of an issuer have the same header: the last one that led to a key is remembered.
  std::string last_header;
  VerificationKey* last_key = nullptr;

  JsonObject object;  ///< of the header, then of the payload
  std::array<char, kTokenBytesMax> bytes{};
  std::array<char, kSignatureBytesMax> signature{};
  KnownTokens::Entry current;  ///< what the last answer refers to, unless it is remembered
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
  if (const auto failure = judge_type(object.find("typ")); failure != TokenFailure::none) return {nullptr, failure};

  const KeySet::Choice choice = keys.choose(alg->text, kid ? std::optional(kid->text) : std::nullopt);
  if (choice.key != nullptr) {
    last_key = nullptr;
    last_header = header_text;
    last_key = choice.key;
  }
  return choice;
}

TokenFailure TokenVerifier::State::check_signature(VerificationKey& key, const Parts& parts,
                                                   std::string_view signature_bytes, const TokenHash& hash,
                                                   const TokenSender& sender) {
  if (checked->right.contains(hash)) return TokenFailure::none;
  if (checked->wrong.contains(hash)) return TokenFailure::bad_signature;
  const auto address =
      sender.proxies ? client_address(sender.peer, sender.forwarded_for, *sender.proxies) : sender.peer;
  const auto budget_of = checked->budget.sender(address);
  const auto begin = std::chrono::steady_clock::now();
  if (!checked->budget.is_left(budget_of, begin)) return TokenFailure::too_many_checks;
  if (key.verify(parts.signed_text, signature_bytes)) {
    checked->right.remember(hash);
    return TokenFailure::none;
  }
  const auto end = std::chrono::steady_clock::now();
  checked->budget.charge(budget_of, end, std::min<std::chrono::nanoseconds>(end - begin, kCheckMost));
  checked->wrong.remember(hash);
  return TokenFailure::bad_signature;
}

void TokenVerifier::State::read_payload(std::string_view payload_text) {
  current.failure = TokenFailure::malformed;
  current.customer_id.clear();
  const auto json = decode_base64url(payload_text, bytes);
  if (!json || !object.parse(*json)) return;
  const std::optional<Claims> claims = read_claims(object);
  if (!claims) return;
  current.time = claims->time;
  for (const TokenFailure failure : {judge_issuer(claims->issuer, issuer), judge_audience(claims->audience, audience),
                                     judge_subject(claims->subject)}) {
    current.failure = failure;
    if (failure != TokenFailure::none) return;
  }
  current.customer_id = claims->subject->text;
}

VerifiedToken TokenVerifier::State::judge(const KnownTokens::Entry& token, double now_s) const {
  if (token.failure == TokenFailure::malformed) return refused(token.failure);
  if (now_s >= token.time.expires_s + leeway_s) return refused(TokenFailure::expired);
  if (now_s < token.time.not_before_s - leeway_s) return refused(TokenFailure::not_yet_valid);
  if (token.time.expires_s > now_s + lifetime_max_s + leeway_s) return refused(TokenFailure::expires_too_late);
  return token.failure == TokenFailure::none ? VerifiedToken{token.failure, token.customer_id} : refused(token.failure);
}

TokenVerifier::TokenVerifier(const TokenOptions& options, std::shared_ptr<CheckedTokens> checked)
    : state_(std::make_unique<State>(options, std::move(checked))) {}
TokenVerifier::~TokenVerifier() = default;
TokenVerifier::TokenVerifier(TokenVerifier&&) noexcept = default;
TokenVerifier& TokenVerifier::operator=(TokenVerifier&&) noexcept = default;

const std::vector<std::string>& TokenVerifier::ignored_keys() const { return state_->keys.ignored(); }

VerifiedToken TokenVerifier::verify(std::string_view token, std::chrono::system_clock::time_point now,
                                    const TokenSender& sender) {
  State& state = *state_;
  const double now_s = std::chrono::duration<double>(now.time_since_epoch()).count();
  if (token.empty()) return refused(TokenFailure::malformed);
  if (token.size() > kTokenBytesMax) return refused(TokenFailure::too_long);
  const bool remembers = state.keys.has_public_keys();
  const TokenHash hash = remembers ? state.checked->hash_of(token) : TokenHash{};
  if (const KnownTokens::Entry* const entry = state.known.find(hash)) return state.judge(*entry, now_s);

  const std::optional<Parts> parts = split(token);
  if (!parts) return refused(TokenFailure::malformed);
  const KeySet::Choice choice = state.choose_key(parts->header);
  if (choice.key == nullptr) return refused(choice.failure);
  const auto signature = decode_base64url(parts->signature, state.signature);
  if (!signature) return refused(TokenFailure::malformed);
  const bool is_costly = choice.key->algorithm() != Algorithm::hs256;
  if (is_costly) {
    const auto failure = state.check_signature(*choice.key, *parts, *signature, hash, sender);
    if (failure != TokenFailure::none) return refused(failure);
  } else if (!choice.key->verify(parts->signed_text, *signature)) {
    return refused(TokenFailure::bad_signature);
  }

  state.read_payload(parts->payload);
  if (!is_costly) return state.judge(state.current, now_s);
  state.current.hash = hash;
  return state.judge(state.known.remember(std::move(state.current)), now_s);
}

}  // namespace flashsale::identity
