#include "flashsale/model/identifier.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace flashsale {
namespace {

constexpr std::size_t kIdentifierBytesMax = 64;
constexpr std::size_t kCustomerIdCharactersMax = 255;

constexpr bool is_ascii_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

constexpr std::uint32_t kInvalid = 0xffff'ffff;

/// Decodes the code point at `position` and steps past it; kInvalid for an ill-formed one.
std::uint32_t next_code_point(std::string_view text, std::size_t& position) {
  const auto byte_at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte_at(position);
  if (lead < 0x80) {
    ++position;
    return lead;
  }
  std::size_t length = 0;
  std::uint32_t smallest = 0;  // what needs this many bytes: anything below is an overlong form
  std::uint32_t value = 0;
  if ((lead & 0xe0) == 0xc0) {
    length = 2, smallest = 0x80, value = lead & 0x1f;
  } else if ((lead & 0xf0) == 0xe0) {
    length = 3, smallest = 0x800, value = lead & 0x0f;
  } else if ((lead & 0xf8) == 0xf0) {
    length = 4, smallest = 0x1'0000, value = lead & 0x07;
  } else {
    return kInvalid;
  }
  if (text.size() - position < length) return kInvalid;
  for (std::size_t i = 1; i < length; ++i) {
    const std::uint32_t byte = byte_at(position + i);
    if ((byte & 0xc0) != 0x80) return kInvalid;
    value = (value << 6) | (byte & 0x3f);
  }
  const bool is_surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < smallest || value > 0x10'ffff || is_surrogate) return kInvalid;
  position += length;
  return value;
}

constexpr bool is_control(std::uint32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7f && code_point <= 0x9f);
}

}  // namespace

bool is_valid_identifier(std::string_view text) {
  if (text.empty() || text.size() > kIdentifierBytesMax) return false;
  if (text.front() == '.' || text.front() == '-') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_ascii_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_valid_text(std::string_view text, std::size_t characters_max) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++characters) {
    const std::uint32_t code_point = next_code_point(text, i);
    if (code_point == kInvalid || is_control(code_point) || characters == characters_max) return false;
  }
  return characters > 0;
}

bool is_valid_customer_id(std::string_view text) { return is_valid_text(text, kCustomerIdCharactersMax); }

bool is_valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    // Nearly all text is ASCII: eight bytes at a time.
    std::uint64_t word = 0;
    if (text.size() - i >= sizeof word) {
      std::memcpy(&word, text.data() + i, sizeof word);
      if ((word & 0x8080'8080'8080'8080) == 0) {
        i += sizeof word;
        continue;
      }
    }
    if (next_code_point(text, i) == kInvalid) return false;
  }
  return true;
}

std::optional<std::string> parse_currency(std::string_view text) {
  if (text.size() != 3) return std::nullopt;
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c < 'A' || c > 'Z') return std::nullopt;
  }
  return upper;
}

}  // namespace flashsale
