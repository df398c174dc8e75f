#include "flashsale/model/order_id.hpp"

#include <algorithm>
#include <limits>

#include "flashsale/model/check.hpp"
#include "flashsale/model/keyed_hash.hpp"

namespace flashsale {
namespace {

/// What a hash is of: equal texts of two kinds have nothing in common.
enum class Kind : char { customer = 'c', key = 'k', change = 's' };

constexpr int kHashBits = 45;

/// Parts one after the other, each with its length in front.
class HashedText {
 public:
  explicit HashedText(Kind kind) : text_(buffer()) { text_.assign(1, static_cast<char>(kind)); }
  HashedText& number(std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) text_.push_back(static_cast<char>((value >> shift) & 0xff));
    return *this;
  }
  HashedText& part(std::string_view part) {
    FLASHSALE_CHECK(part.size() <= std::numeric_limits<std::uint32_t>::max());
    number(static_cast<std::uint32_t>(part.size()));
    text_.append(part);
    return *this;
  }
  [[nodiscard]] std::uint64_t hash(const std::array<std::uint64_t, 2>& key) const { return keyed_hash(key, text_); }

 private:
  static std::string& buffer() {
    thread_local std::string text;
    return text;
  }
  std::string& text_;
};

/// Two halves as the 122 free bits of a UUIDv8: 48, then the version, 12, then the variant, 62.
OrderId::Bytes laid_out(std::uint32_t sale, std::uint64_t customer, std::uint64_t key) {
  const std::uint64_t high =
      (std::uint64_t{sale} << 32) | (((customer >> 29) & 0xffff) << 16) | 0x8000 | ((customer >> 17) & 0x0fff);
  const std::uint64_t low =
      (std::uint64_t{2} << 62) | ((customer & 0x1ffff) << kHashBits) | (key & ((std::uint64_t{1} << kHashBits) - 1));
  OrderId::Bytes bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return bytes;
}

std::uint64_t number_of(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = (number << 8) | static_cast<unsigned char>(byte);
  return number;
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

std::optional<OrderIdSalt> OrderIdSalt::parse(std::string_view text) {
  const auto id = OrderId::parse(text);
  if (!id) return std::nullopt;
  return OrderIdSalt{{number_of(id->bytes().substr(0, 8)), number_of(id->bytes().substr(8))}};
}

OrderId OrderId::derive(const OrderIdSalt& salt, std::int32_t sale_no, std::string_view customer_id,
                        std::string_view idempotency_key) {
  const auto sale = static_cast<std::uint32_t>(sale_no);
  const auto customer = HashedText(Kind::customer).number(sale).part(customer_id).hash(salt.words);
  const auto key = HashedText(Kind::key).number(sale).part(customer_id).part(idempotency_key).hash(salt.words);
  return OrderId(laid_out(sale, customer >> (64 - kHashBits), key >> (64 - kHashBits)));
}

OrderId OrderId::derive_change(std::string_view sale_id, std::string_view sku, std::string_view idempotency_key) {
  HashedText text(Kind::change);
  text.part(sale_id).part(sku).part(idempotency_key);
  const auto first = text.hash({0, 0});
  const auto second = text.hash({0, 1});
  return OrderId(laid_out(static_cast<std::uint32_t>(first >> 32), first, second));
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

bool OrderId::is_derived() const { return (bytes_[6] & 0xf0) == 0x80 && (bytes_[8] & 0xc0) == 0x80 && sale_no() > 0; }

std::int32_t OrderId::sale_no() const {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(number_of(bytes().substr(0, 4))));
}

bool OrderId::is_of(const OrderIdSalt& salt, std::string_view customer_id) const {
  return first_of_customer() == derive(salt, sale_no(), customer_id, {}).first_of_customer();
}

OrderId OrderId::first_of_customer() const {
  OrderId first = *this;
  first.bytes_[10] &= 0xe0;
  std::fill(first.bytes_.begin() + 11, first.bytes_.end(), std::uint8_t{0});
  return first;
}

OrderId OrderId::last_of_customer() const {
  OrderId last = *this;
  last.bytes_[10] |= 0x1f;
  std::fill(last.bytes_.begin() + 11, last.bytes_.end(), std::uint8_t{0xff});
  return last;
}

std::uint64_t OrderId::hash64() const {
  // The finaliser of MurmurHash3 after each half: ids of one sale, or of one customer, differ in a part of it only.
  const auto mixed = [](std::uint64_t x) {
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccd;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53;
    return x ^ (x >> 33);
  };
  return mixed(mixed(number_of(bytes().substr(0, 8))) ^ number_of(bytes().substr(8)));
}

}  // namespace flashsale
