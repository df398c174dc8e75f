#include "strict_json.hpp"

#include <set>
#include <string>
#include <vector>

#include "flashsale/model/identifier.hpp"

namespace flashsale::api {
namespace {

constexpr int kDepthMax = 16;

}  // namespace

StrictJson parse_strict_json(std::string_view text) {
  using json = nlohmann::json;
  StrictJson result;
  if (!is_valid_utf8(text)) {
    result.error = "the body is not valid UTF-8";
    return result;
  }
  // The parser would skip the one and stop at the other as if the text ended there.
  if (text.starts_with("\xef\xbb\xbf") || text.find('\0') != std::string_view::npos) {
    result.error = "the body is not valid JSON";
    return result;
  }
  bool duplicate = false;
  bool too_deep = false;
  std::vector<std::set<std::string>> names;
  const json::parser_callback_t watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > kDepthMax) too_deep = true;
    if (event == json::parse_event_t::object_start) names.emplace_back();
    if (event == json::parse_event_t::object_end && !names.empty()) names.pop_back();
    if (event == json::parse_event_t::key && !names.empty()) {
      duplicate = !names.back().insert(parsed.get<std::string>()).second || duplicate;
    }
    return !too_deep;
  };
  result.value = json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (too_deep) result.error = "the body is nested too deeply";
  else if (result.value.is_discarded()) result.error = "the body is not valid JSON";
  else if (duplicate) result.error = "the body has a member name twice";
  return result;
}

}  // namespace flashsale::api
