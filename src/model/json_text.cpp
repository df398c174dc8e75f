#include "flashsale/model/json_text.hpp"

#include <array>
#include <charconv>
#include <cstddef>

namespace flashsale {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

constexpr unsigned byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

struct Sequence {
  std::size_t length = 1;  // bytes to step over
  bool well_formed = false;
};

// What may follow a lead byte, by table 3-7 of the Unicode standard: the second byte's range depends on the lead
// byte, which is what keeps out overlong forms, surrogates and everything above U+10FFFF.
struct Lead {
  std::size_t length = 0;  // 0: no lead byte
  unsigned second_min = 0x80;
  unsigned second_max = 0xBF;
};

constexpr Lead classify_lead(unsigned lead) {
  if (lead >= 0xC2 && lead <= 0xDF) return {2};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead >= 0xE1 && lead <= 0xEF) return {3};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead >= 0xF1 && lead <= 0xF3) return {4};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

// The sequence of two or more bytes that starts at `i`; when it is ill-formed, its longest prefix that could have
// begun a character, so that a broken character costs one replacement and swallows no good one behind it.
Sequence read_sequence(std::string_view text, std::size_t i) {
  const Lead lead = classify_lead(byte_at(text, i));
  if (lead.length == 0) return {1, false};
  for (std::size_t k = 1; k < lead.length; ++k) {
    if (i + k == text.size()) return {k, false};
    const unsigned next = byte_at(text, i + k);
    const unsigned low = k == 1 ? lead.second_min : 0x80;
    const unsigned high = k == 1 ? lead.second_max : 0xBF;
    if (next < low || next > high) return {k, false};
  }
  return {lead.length, true};
}

bool is_plain(unsigned byte) { return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\'; }

void append_escaped(std::string& out, unsigned byte) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (byte) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default:
      out += "\\u00";
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xFU];
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t begin = i;
    while (i < text.size() && is_plain(byte_at(text, i))) ++i;
    out.append(text, begin, i - begin);
    if (i == text.size()) break;
    if (byte_at(text, i) < 0x80) {
      append_escaped(out, byte_at(text, i));
      ++i;
      continue;
    }
    const Sequence sequence = read_sequence(text, i);
    out.append(sequence.well_formed ? text.substr(i, sequence.length) : kReplacement);
    i += sequence.length;
  }
  out += '"';
}

void append_json_number(std::string& out, std::int64_t number) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

}  // namespace flashsale
