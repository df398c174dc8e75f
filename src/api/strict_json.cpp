#include "strict_json.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "flashsale/model/identifier.hpp"
#include "whole_number.hpp"

namespace flashsale::api {
namespace {

using nlohmann::json;

constexpr std::string_view kNotJson = "the body is not valid JSON";

/// Builds the value while the library reads, and stops it at the first breach. (The library's own callback parser looks
/// at a whole array again at the end of each object in it, which takes the square of the time.)
class StrictReader {
 public:
  explicit StrictReader(const JsonBounds& bounds) : bounds_(bounds) {}

  [[nodiscard]] StrictJson take() && { return {std::move(root_), error_}; }

  // What the library tells; false ends the reading.
  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(json::number_integer_t value) { return add(value); }
  bool number_unsigned(json::number_unsigned_t value) { return add(value); }
  bool number_float(json::number_float_t value, const std::string& text) {
    constexpr auto kIntegerMax = std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    const auto whole = whole_number(text);
    if (whole && !whole->is_negative) return add(whole->magnitude);
    if (whole && whole->magnitude <= kIntegerMax) return add(-static_cast<std::int64_t>(whole->magnitude));
    return add(value);
  }
  bool string(std::string& text) { return add(std::move(text)); }
  bool binary(json::binary_t&) { return fail(kNotJson); }  // JSON has none
  bool start_object(std::size_t) { return open(json::object()); }
  bool start_array(std::size_t) { return open(json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    auto [at, is_new] = open_.back()->get_ref<json::object_t&>().try_emplace(std::move(name));
    member_ = &at->second;
    return is_new || fail("the body has a member name twice");
  }
  bool parse_error(std::size_t, const std::string&, const json::exception&) { return fail(kNotJson); }

 private:
  bool fail(std::string_view error) {
    error_ = error;
    root_ = nullptr;
    return false;
  }

  /// Where the next value belongs. Only the innermost array grows, so those around it stay where they are.
  json& next_place() {
    if (open_.empty()) return root_;
    if (open_.back()->is_object()) return *member_;
    return open_.back()->get_ref<json::array_t&>().emplace_back();
  }

  bool add(json value) {
    if (++values_ > bounds_.values_max) return fail("the body has too many values");
    next_place() = std::move(value);
    return true;
  }

  bool open(json empty) {
    if (open_.size() >= bounds_.depth_max) return fail("the body is nested too deeply");
    if (++values_ > bounds_.values_max) return fail("the body has too many values");
    json& place = next_place();
    place = std::move(empty);
    open_.push_back(&place);
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  JsonBounds bounds_;
  json root_;
  std::vector<json*> open_;  ///< the objects and arrays around the next value, outermost first
  json* member_ = nullptr;   ///< of the innermost object, when that is where the next value belongs
  std::size_t values_ = 0;
  std::string_view error_;
};

}  // namespace

StrictJson parse_strict_json(std::string_view text, const JsonBounds& bounds) {
  if (!is_valid_utf8(text)) return {nullptr, "the body is not valid UTF-8"};
  // The parser would skip the one and stop at the other as if the text ended there.
  if (text.starts_with("\xef\xbb\xbf") || text.find('\0') != std::string_view::npos) return {nullptr, kNotJson};
  StrictReader reader(bounds);
  static_cast<void>(json::sax_parse(text.begin(), text.end(), &reader));
  return std::move(reader).take();
}

}  // namespace flashsale::api
