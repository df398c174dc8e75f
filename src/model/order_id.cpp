#include "flashsale/model/order_id.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "flashsale/model/check.hpp"

namespace flashsale {
namespace {

/// The UUID of this project's names, 03a3d9cb-03c3-4586-8451-7d397a7fff7b. It may never change: with it every
/// order id would.
constexpr OrderId::Bytes kNamespace{0x03, 0xa3, 0xd9, 0xcb, 0x03, 0xc3, 0x45, 0x86,
                                    0x84, 0x51, 0x7d, 0x39, 0x7a, 0x7f, 0xff, 0x7b};

using Sha1Digest = std::array<unsigned char, 20>;

/// SHA-1 with the algorithm fetched once a process and the context kept for each thread: OpenSSL 3's one-shot SHA1()
/// looks the algorithm up again at each call, which costs more than the hash.
class Sha1 {
 public:
  Sha1() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    FLASHSALE_CHECK(context_ != nullptr);
    FLASHSALE_CHECK(algorithm() != nullptr);
  }

  Sha1Digest operator()(std::string_view data) {
    Sha1Digest digest{};
    unsigned size = 0;
    // These fail only without memory or without SHA-1; an id that is not the derived one must never leave here.
    FLASHSALE_CHECK(EVP_DigestInit_ex2(context_.get(), algorithm(), nullptr) == 1);
    FLASHSALE_CHECK(EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1);
    FLASHSALE_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
    FLASHSALE_CHECK(size == digest.size());
    return digest;
  }

 private:
  static const EVP_MD* algorithm() {
    static const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> fetched(EVP_MD_fetch(nullptr, "SHA1", nullptr),
                                                                         &EVP_MD_free);
    return fetched.get();
  }

  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

void append_part(std::string& name, std::string_view part) {
  FLASHSALE_CHECK(part.size() <= std::numeric_limits<std::uint32_t>::max());
  const auto size = static_cast<std::uint32_t>(part.size());
  for (int shift = 24; shift >= 0; shift -= 8) name.push_back(static_cast<char>((size >> shift) & 0xff));
  name.append(part);
}

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::size_t kTextSize = 36;
constexpr bool is_dash_place(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

}  // namespace

OrderId OrderId::derive(std::string_view sale_id, std::string_view customer_id, std::string_view idempotency_key) {
  thread_local Sha1 sha1;
  thread_local std::string name;
  name.assign(reinterpret_cast<const char*>(kNamespace.data()), kNamespace.size());
  append_part(name, sale_id);
  append_part(name, customer_id);
  append_part(name, idempotency_key);

  const Sha1Digest digest = sha1(name);
  Bytes bytes{};
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x50);  // version 5
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);  // the variant of RFC 9562
  return OrderId(bytes);
}

std::optional<OrderId> OrderId::parse(std::string_view text) {
  if (text.size() != kTextSize) return std::nullopt;
  Bytes bytes{};
  std::size_t digits = 0;
  for (std::size_t i = 0; i < kTextSize; ++i) {
    if (is_dash_place(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return std::nullopt;
    std::uint8_t& byte = bytes[digits++ / 2];
    byte = static_cast<std::uint8_t>((byte << 4) | value);
  }
  return OrderId(bytes);
}

OrderId OrderId::from_bytes(std::string_view bytes) {
  OrderId id;
  FLASHSALE_CHECK(bytes.size() == id.bytes_.size());
  std::transform(bytes.begin(), bytes.end(), id.bytes_.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
  return id;
}

void OrderId::append_to(std::string& out) const {
  static constexpr char kHex[] = "0123456789abcdef";
  char text[kTextSize];
  std::size_t digits = 0;
  for (std::size_t i = 0; i < kTextSize; ++i) {
    if (is_dash_place(i)) {
      text[i] = '-';
      continue;
    }
    const std::uint8_t byte = bytes_[digits / 2];
    text[i] = kHex[digits % 2 == 0 ? byte >> 4 : byte & 0x0f];
    ++digits;
  }
  out.append(text, kTextSize);
}

std::string OrderId::to_string() const {
  std::string out;
  out.reserve(kTextSize);
  append_to(out);
  return out;
}

std::uint64_t OrderId::hash64() const {
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < 8; ++i) hash = (hash << 8) | bytes_[i];
  return hash;
}

}  // namespace flashsale
