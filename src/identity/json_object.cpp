#include "json_object.hpp"

#include "flashsale/model/identifier.hpp"

namespace flashsale::identity {
namespace {

constexpr int kDepthMax = 16;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The number behind \u, or -1.
constexpr std::int32_t hex4(std::string_view text, std::size_t at) {
  if (text.size() < at + 4) return -1;
  std::int32_t value = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = hex_value(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

constexpr bool is_high_surrogate(std::int32_t unit) { return unit >= 0xd800 && unit <= 0xdbff; }
constexpr bool is_low_surrogate(std::int32_t unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

void append_utf8(std::string& out, std::int32_t code_point) {
  const auto put = [&out](std::int32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x1'0000) {
    put(0xe0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3f));
    put(0x80 | ((code_point >> 6) & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

constexpr char simple_escape(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;  // " \ /
  }
}

/// Undoes the escapes of a string that has been checked.
void append_unescaped(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out.push_back(text[i]);
      continue;
    }
    ++i;
    if (text[i] != 'u') {
      out.push_back(simple_escape(text[i]));
      continue;
    }
    std::int32_t code_point = hex4(text, i + 1);
    i += 4;
    if (is_high_surrogate(code_point)) {
      const std::int32_t low = hex4(text, i + 3);  // past its \u
      i += 6;
      code_point = 0x1'0000 + ((code_point - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code_point);
  }
}

}  // namespace

namespace detail {

void JsonReader::skip_space() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
    ++position_;
  }
}

bool JsonReader::accept(char c) {
  if (at_end() || text_[position_] != c) return false;
  ++position_;
  return true;
}

bool JsonReader::skip_escape() {
  const char c = peek();
  ++position_;
  if (c == 'u') {
    const std::int32_t unit = hex4(text_, position_);
    if (unit < 0 || is_low_surrogate(unit)) return false;
    position_ += 4;
    if (!is_high_surrogate(unit)) return true;
    if (!accept('\\') || !accept('u') || !is_low_surrogate(hex4(text_, position_))) return false;
    position_ += 4;
    return true;
  }
  return c == '"' || c == '\\' || c == '/' || c == 'b' || c == 'f' || c == 'n' || c == 'r' || c == 't';
}

bool JsonReader::skip_string(bool& has_escapes) {
  if (!accept('"')) return false;
  while (!at_end()) {
    const auto c = static_cast<unsigned char>(text_[position_]);
    ++position_;
    if (c == '"') return true;
    if (c < 0x20) return false;
    if (c != '\\') continue;
    has_escapes = true;
    if (at_end() || !skip_escape()) return false;
  }
  return false;
}

bool JsonReader::read_string(std::string& unescaped, std::string_view& out) {
  const std::size_t begin = position_ + 1;
  bool has_escapes = false;
  if (!skip_string(has_escapes)) return false;
  out = text_.substr(begin, position_ - 1 - begin);
  if (!has_escapes) return true;
  const std::size_t unescaped_begin = unescaped.size();
  append_unescaped(unescaped, out);
  out = std::string_view(unescaped).substr(unescaped_begin);
  return true;
}

bool JsonReader::skip_digits() {
  const std::size_t begin = position_;
  while (is_digit(peek())) ++position_;
  return position_ > begin;
}

bool JsonReader::skip_number() {
  static_cast<void>(accept('-'));
  if (!accept('0') && !skip_digits()) return false;
  if (accept('.') && !skip_digits()) return false;
  if (peek() != 'e' && peek() != 'E') return true;
  ++position_;
  if (peek() == '+' || peek() == '-') ++position_;
  return skip_digits();
}

bool JsonReader::skip_word(std::string_view word) {
  if (text_.substr(position_, word.size()) != word) return false;
  position_ += word.size();
  return true;
}

bool JsonReader::skip_array(int depth) {
  ++position_;
  skip_space();
  if (accept(']')) return true;
  for (;;) {
    JsonKind kind{};
    skip_space();
    if (!skip_value(kind, depth)) return false;
    skip_space();
    if (accept(']')) return true;
    if (!accept(',')) return false;
  }
}

bool JsonReader::skip_object(int depth) {
  ++position_;
  skip_space();
  if (accept('}')) return true;
  for (;;) {
    JsonKind kind{};
    bool has_escapes = false;
    skip_space();
    if (!skip_string(has_escapes)) return false;
    skip_space();
    if (!accept(':')) return false;
    skip_space();
    if (!skip_value(kind, depth)) return false;
    skip_space();
    if (accept('}')) return true;
    if (!accept(',')) return false;
  }
}

bool JsonReader::skip_value(JsonKind& kind, int depth) {
  bool has_escapes = false;
  switch (peek()) {
    case '"': kind = JsonKind::string; return skip_string(has_escapes);
    case '[': kind = JsonKind::array; return depth > 0 && skip_array(depth - 1);
    case '{': kind = JsonKind::object; return depth > 0 && skip_object(depth - 1);
    case 't': kind = JsonKind::boolean; return skip_word("true");
    case 'f': kind = JsonKind::boolean; return skip_word("false");
    case 'n': kind = JsonKind::null; return skip_word("null");
    default: kind = JsonKind::number; return skip_number();
  }
}

bool JsonReader::read_value(std::string& unescaped, JsonKind& kind, std::string_view& out, int depth) {
  if (peek() == '"') {
    kind = JsonKind::string;
    return read_string(unescaped, out);
  }
  const std::size_t begin = position_;
  if (!skip_value(kind, depth)) return false;
  out = text_.substr(begin, position_ - begin);
  return true;
}

}  // namespace detail

bool JsonObject::add(const JsonMember& member) {
  if (count_ == kMembersMax || find(member.name) != nullptr) return false;
  members_[count_++] = member;
  return true;
}

const JsonMember* JsonObject::find(std::string_view name) const {
  for (const JsonMember& member : members()) {
    if (member.name == name) return &member;
  }
  return nullptr;
}

bool JsonObject::parse(std::string_view text) {
  count_ = 0;
  unescaped_.clear();
  unescaped_.reserve(text.size());  // unescaping only makes shorter
  if (!is_valid_utf8(text)) return false;

  detail::JsonReader reader(text);
  reader.skip_space();
  if (!reader.accept('{')) return false;
  reader.skip_space();
  bool is_done = reader.accept('}');
  while (!is_done) {
    JsonMember member;
    reader.skip_space();
    if (!reader.read_string(unescaped_, member.name)) return false;
    reader.skip_space();
    if (!reader.accept(':')) return false;
    reader.skip_space();
    if (!reader.read_value(unescaped_, member.kind, member.text, kDepthMax - 1)) return false;
    if (!add(member)) return false;
    reader.skip_space();
    is_done = reader.accept('}');
    if (!is_done && !reader.accept(',')) return false;
  }
  reader.skip_space();
  return reader.at_end();
}

}  // namespace flashsale::identity
