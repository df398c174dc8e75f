#include "flashsale/identity/admin_tokens.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <stdexcept>

#include "flashsale/model/check.hpp"
#include "flashsale/model/identifier.hpp"

namespace flashsale::identity {
namespace {

using Hash = std::array<unsigned char, 32>;

constexpr std::size_t kEntriesMax = 256;
constexpr std::size_t kTokenBytesMax = 4096;

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<Hash> parse_hash(std::string_view hex) {
  Hash hash{};
  if (hex.size() != 2 * hash.size()) return std::nullopt;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    hash[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return hash;
}

Hash sha256(std::string_view text) {
  Hash hash{};
  std::size_t size = hash.size();
  FLASHSALE_CHECK(EVP_Q_digest(nullptr, "SHA256", nullptr, text.data(), text.size(), hash.data(), &size) == 1);
  return hash;
}

}  // namespace

AdminTokens::AdminTokens(std::span<const std::string> entries) {
  if (entries.size() > kEntriesMax) throw std::invalid_argument("there are more than 256 admin tokens");
  std::size_t number = 0;
  for (const std::string& text : entries) {
    // What is wrong is told by number: a token put where its hash belongs must not reach a log.
    const std::string where = "admin token " + std::to_string(++number) + ": ";
    const std::size_t colon = text.find(':');
    const std::string name = text.substr(0, colon);
    if (colon == std::string::npos || !is_valid_identifier(name)) {
      throw std::invalid_argument(where + "must be name:sha256hex, the name 1 to 64 of A-Z a-z 0-9 . _ -");
    }
    const auto hash = parse_hash(std::string_view(text).substr(colon + 1));
    if (!hash) throw std::invalid_argument(where + "what follows the colon must be 64 hexadecimal digits");
    for (const Entry& other : entries_) {
      if (other.name == name) throw std::invalid_argument(where + "its name stands twice");
      if (other.hash == *hash) throw std::invalid_argument(where + "the same token stands twice");
    }
    entries_.push_back({name, *hash});
  }
}

std::optional<std::string_view> AdminTokens::find(std::string_view token) const {
  if (token.empty() || token.size() > kTokenBytesMax) return std::nullopt;
  const Hash hash = sha256(token);
  const Entry* found = nullptr;
  // All of them are compared, so that the time does not tell which one it was.
  for (const Entry& entry : entries_) {
    if (CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) == 0) found = &entry;
  }
  if (found == nullptr) return std::nullopt;
  return found->name;
}

}  // namespace flashsale::identity
