#include "query_parameters.hpp"

#include <algorithm>
#include <charconv>

namespace flashsale::api {
namespace {

constexpr std::size_t kParametersMax = 16;
constexpr std::int32_t kPageDefault = 100;
constexpr std::int32_t kPageMax = 1000;
/// Fewer than a 64-bit number has at most: whatever has so many fits.
constexpr std::size_t kCursorDigitsMax = 18;

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    unsigned char byte = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    if (error != std::errc{} || end != text.data() + i + 3 || byte < ' ') return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

}  // namespace

QueryParameters::QueryParameters(std::string_view query) {
  while (!query.empty() && ok_) add(take_first(query));
}

QueryParameters::QueryParameters(std::string_view query, std::initializer_list<std::string_view> known) {
  while (!query.empty() && ok_) {
    auto parameter = take_first(query);
    const bool is_known = parameter.first && std::ranges::find(known, *parameter.first) != known.end();
    if (is_known) add(std::move(parameter));
  }
}

QueryParameters::Parameter QueryParameters::take_first(std::string_view& query) {
  const auto end = query.find('&');
  const auto pair = query.substr(0, end);
  query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
  const auto equals = pair.find('=');
  return {percent_decode(pair.substr(0, equals)),
          percent_decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1))};
}

void QueryParameters::add(Parameter&& parameter) {
  auto& [name, value] = parameter;
  ok_ = name && value && !find(*name) && parameters_.size() < kParametersMax;
  if (ok_) parameters_.emplace_back(std::move(*name), std::move(*value));
}

std::optional<std::string_view> QueryParameters::find(std::string_view name) const {
  for (const auto& [known, value] : parameters_) {
    if (known == name) return value;
  }
  return std::nullopt;
}

bool QueryParameters::only(std::initializer_list<std::string_view> known) const {
  return std::all_of(parameters_.begin(), parameters_.end(), [&](const auto& parameter) {
    return std::find(known.begin(), known.end(), parameter.first) != known.end();
  });
}

std::optional<std::int64_t> parse_cursor_number(std::string_view text) {
  std::int64_t number = 0;
  const bool is_padded = text.size() > 1 && text.front() == '0';
  if (text.size() > kCursorDigitsMax || is_padded) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::optional<std::int64_t> page_cursor(const QueryParameters& query, std::int64_t first) {
  const auto text = query.find("cursor");
  return text ? parse_cursor_number(*text) : first;
}

std::optional<std::int32_t> page_limit(const QueryParameters& query) {
  const auto text = query.find("limit");
  if (!text) return kPageDefault;
  std::int32_t limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (error != std::errc{} || end != text->data() + text->size() || limit < 1 || limit > kPageMax) return std::nullopt;
  return limit;
}

}  // namespace flashsale::api
