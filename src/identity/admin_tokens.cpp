#include "flashsale/identity/admin_tokens.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <stdexcept>
#include <utility>

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

constexpr std::array<std::string_view, 3> kRoles{"read", "support", "operator"};

std::optional<AdminRole> parse_role(std::string_view text) {
  for (std::size_t i = 0; i < kRoles.size(); ++i) {
    if (kRoles[i] == text) return static_cast<AdminRole>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(AdminRole role) { return kRoles[static_cast<std::size_t>(role)]; }

/// What is wrong is told by number: a token put where its hash belongs must not reach a log.
AdminTokens::Entry AdminTokens::parse(std::string_view text, const std::string& where) {
  const std::size_t first = text.find(':');
  const std::size_t last = text.rfind(':');
  Entry entry;
  entry.name = text.substr(0, first);
  if (first == std::string_view::npos || !is_valid_identifier(entry.name)) {
    throw std::invalid_argument(
        where + "must be name:role:sha256hex or name:role:until:sha256hex, the name 1 to 64 of A-Z a-z 0-9 . _ -");
  }
  const auto hash = parse_hash(text.substr(last + 1));
  if (!hash) throw std::invalid_argument(where + "what follows the last colon must be 64 hexadecimal digits");
  entry.hash = *hash;
  if (first == last) return entry;
  // The time has colons of its own.
  const auto middle = text.substr(first + 1, last - first - 1);
  const std::size_t end = middle.find(':');
  const auto role = parse_role(middle.substr(0, end));
  if (!role) throw std::invalid_argument(where + "the role must be read, support or operator");
  entry.role = *role;
  if (end == std::string_view::npos) return entry;
  entry.until = parse_rfc3339(middle.substr(end + 1));
  if (!entry.until) {
    throw std::invalid_argument(where + "what stands between role and hash must be a time, as in 2027-01-31T00:00:00Z");
  }
  return entry;
}

AdminTokens::AdminTokens(std::span<const std::string> entries) {
  if (entries.size() > kEntriesMax) throw std::invalid_argument("there are more than 256 admin tokens");
  std::size_t number = 0;
  for (const std::string& text : entries) {
    const std::string where = "admin token " + std::to_string(++number) + ": ";
    auto entry = parse(text, where);
    for (const Entry& other : entries_) {
      if (other.name == entry.name) throw std::invalid_argument(where + "its name stands twice");
      if (other.hash == entry.hash) throw std::invalid_argument(where + "the same token stands twice");
    }
    entries_.push_back(std::move(entry));
  }
}

std::optional<AdminTokens::Admin> AdminTokens::find(std::string_view token, TimePoint now) const {
  if (token.empty() || token.size() > kTokenBytesMax) return std::nullopt;
  const Hash hash = sha256(token);
  const Entry* found = nullptr;
  // All of them are compared, so that the time does not tell which one it was.
  for (const Entry& entry : entries_) {
    if (CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) == 0) found = &entry;
  }
  if (found == nullptr) return std::nullopt;
  const auto until = found->until.value_or(TimePoint::max());
  return Admin{found->name, found->role, until, now >= until};
}

}  // namespace flashsale::identity
