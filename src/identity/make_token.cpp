#include <stdexcept>

#include "base64url.hpp"
#include "flashsale/identity/token_verifier.hpp"
#include "flashsale/model/identifier.hpp"
#include "flashsale/model/json_text.hpp"
#include "verification_key.hpp"

namespace flashsale::identity {
namespace {

void append_string_member(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  append_json_string(out, name);
  out.push_back(':');
  append_json_string(out, value);
  out.push_back(',');
}

}  // namespace

std::string make_token(const TokenOptions& options, std::string_view customer_id,
                       std::chrono::system_clock::time_point now, std::chrono::seconds lifetime) {
  if (options.secret.size() < 32) throw std::invalid_argument("an HS256 secret must have at least 32 bytes");
  if (!is_valid_customer_id(customer_id)) {
    throw std::invalid_argument("a customer id is 1 to 255 characters of UTF-8 without control characters");
  }
  const auto issued_at_s = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  std::string claims = "{";
  append_string_member(claims, "sub", customer_id);
  append_string_member(claims, "iss", options.issuer);
  append_string_member(claims, "aud", options.audience);
  claims += "\"iat\":";
  append_json_number(claims, issued_at_s.count());
  claims += ",\"exp\":";
  append_json_number(claims, (issued_at_s + lifetime).count());
  claims += "}";

  const std::string signed_text = encode_base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + encode_base64url(claims);
  return signed_text + "." + encode_base64url(hs256(options.secret, signed_text));
}

}  // namespace flashsale::identity
