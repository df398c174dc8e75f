#include "base64url.hpp"

#include <array>
#include <cstdint>

namespace flashsale::identity {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint32_t kInvalid = 0x8000'0000;  // survives every shift below and the OR of four digits

constexpr std::array<std::uint32_t, 256> make_values() {
  std::array<std::uint32_t, 256> values{};
  values.fill(kInvalid);
  for (std::uint32_t i = 0; i < kAlphabet.size(); ++i) values[static_cast<unsigned char>(kAlphabet[i])] = i;
  return values;
}
constexpr std::array<std::uint32_t, 256> kValues = make_values();

constexpr std::uint32_t value_of(char c) { return kValues[static_cast<unsigned char>(c)]; }

constexpr char byte_of(std::uint32_t bits) { return static_cast<char>(bits & 0xff); }

/// The last two or three digits; false when they are no digits or carry bits that belong to no byte.
bool decode_tail(std::string_view digits, char* out) {
  const std::uint32_t first = value_of(digits[0]);
  const std::uint32_t second = value_of(digits[1]);
  const std::uint32_t third = digits.size() == 3 ? value_of(digits[2]) : 0;
  if (((first | second | third) & kInvalid) != 0) return false;
  const std::uint32_t bits = (first << 12) | (second << 6) | third;
  out[0] = byte_of(bits >> 10);
  if (digits.size() == 2) return (bits & 0x3ff) == 0;
  out[1] = byte_of(bits >> 2);
  return (bits & 0x3) == 0;
}

}  // namespace

std::optional<std::string_view> decode_base64url(std::string_view text, std::span<char> out) {
  const std::size_t tail = text.size() % 4;
  if (tail == 1) return std::nullopt;
  const std::size_t size = text.size() / 4 * 3 + (tail == 0 ? 0 : tail - 1);
  if (size > out.size()) return std::nullopt;

  std::uint32_t seen = 0;
  std::size_t written = 0;
  for (std::size_t i = 0; i + 4 <= text.size(); i += 4, written += 3) {
    const std::uint32_t a = value_of(text[i]);
    const std::uint32_t b = value_of(text[i + 1]);
    const std::uint32_t c = value_of(text[i + 2]);
    const std::uint32_t d = value_of(text[i + 3]);
    seen |= a | b | c | d;
    const std::uint32_t bits = (a << 18) | (b << 12) | (c << 6) | d;
    out[written] = byte_of(bits >> 16);
    out[written + 1] = byte_of(bits >> 8);
    out[written + 2] = byte_of(bits);
  }
  if ((seen & kInvalid) != 0) return std::nullopt;
  if (tail != 0 && !decode_tail(text.substr(text.size() - tail), out.data() + written)) return std::nullopt;
  return std::string_view(out.data(), size);
}

std::optional<std::string> decode_base64url(std::string_view text) {
  std::string out(text.size(), '\0');
  const auto bytes = decode_base64url(text, std::span<char>(out));
  if (!bytes) return std::nullopt;
  out.resize(bytes->size());
  return out;
}

std::string encode_base64url(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  unsigned count = 0;  // bits not yet written
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) out.push_back(kAlphabet[(bits >> (count - 6)) & 0x3f]);
  }
  if (count > 0) out.push_back(kAlphabet[(bits << (6 - count)) & 0x3f]);
  return out;
}

}  // namespace flashsale::identity
