#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace flashsale::identity {

enum class JsonKind : std::uint8_t { string, number, boolean, null, array, object };

struct JsonMember {
  std::string_view name;  ///< without escapes
  JsonKind kind = JsonKind::null;
  std::string_view text;  ///< a string without quotes and escapes; anything else as it was written
};

/// One JSON object (RFC 8259) as a flat list of its members, the form in which a token's header and claims are judged.
/// Strict: one object and nothing after it, well-formed UTF-8, no member name twice, at most 64 members, at most 16
/// levels of nesting. A value inside an array or an object is checked and not kept. Meant to be reused: after its
/// buffer has grown once, parsing allocates nothing.
class JsonObject {
 public:
  /// False when `text` is not such an object; the members are then meaningless. They refer to `text` and to this.
  [[nodiscard]] bool parse(std::string_view text);

  [[nodiscard]] std::span<const JsonMember> members() const { return {members_.data(), count_}; }
  [[nodiscard]] const JsonMember* find(std::string_view name) const;

 private:
  static constexpr std::size_t kMembersMax = 64;

  [[nodiscard]] bool add(const JsonMember& member);

  std::array<JsonMember, kMembersMax> members_;
  std::size_t count_ = 0;
  std::string unescaped_;  ///< what had escapes; reserved at once, so that views of it stay
};

/// Calls `visit(text)` with each element of an array of strings, as JsonObject has checked and kept it. False when an
/// element is no string.
template <class Visit>
[[nodiscard]] bool for_each_string(std::string_view array, Visit&& visit);

namespace detail {

/// Reads JSON from the front. A false answer is final: the position is then anywhere.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  void skip_space();
  [[nodiscard]] bool at_end() const { return position_ == text_.size(); }
  [[nodiscard]] bool accept(char c);
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[position_]; }

  /// A string; what needs unescaping is appended to `unescaped`.
  [[nodiscard]] bool read_string(std::string& unescaped, std::string_view& out);
  /// Any value, strings as above, nested at most `depth` levels deep.
  [[nodiscard]] bool read_value(std::string& unescaped, JsonKind& kind, std::string_view& out, int depth);

 private:
  [[nodiscard]] bool skip_string(bool& has_escapes);
  [[nodiscard]] bool skip_number();
  [[nodiscard]] bool skip_digits();
  [[nodiscard]] bool skip_word(std::string_view word);
  [[nodiscard]] bool skip_value(JsonKind& kind, int depth);
  [[nodiscard]] bool skip_array(int depth);
  [[nodiscard]] bool skip_object(int depth);
  [[nodiscard]] bool skip_escape();

  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace detail

template <class Visit>
bool for_each_string(std::string_view array, Visit&& visit) {
  detail::JsonReader reader(array);
  std::string unescaped;
  if (!reader.accept('[')) return false;
  reader.skip_space();
  if (reader.accept(']')) return true;
  for (;;) {
    std::string_view element;
    unescaped.clear();
    reader.skip_space();
    if (!reader.read_string(unescaped, element)) return false;
    visit(element);
    reader.skip_space();
    if (reader.accept(']')) return true;
    if (!reader.accept(',')) return false;
  }
}

}  // namespace flashsale::identity
