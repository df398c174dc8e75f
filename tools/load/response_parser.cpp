#include "response_parser.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace flashsale::load {
namespace {

constexpr std::size_t kHeadBytesMax = 64 * 1024;
constexpr std::size_t kBodyBytesMax = 8 * 1024 * 1024;
constexpr std::string_view kVersion = "HTTP/1.1 ";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// `name` is in lower case.
bool is_named(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':') return false;
  return std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) { return a == lower(b); });
}

std::string_view value_of(std::string_view line, std::size_t name_size) {
  line.remove_prefix(name_size + 1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  return line;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lower(a) == b; });
}

std::optional<unsigned> status_of(std::string_view line) {
  if (!line.starts_with(kVersion) || line.size() < kVersion.size() + 3) return std::nullopt;
  unsigned status = 0;
  const char* const digits = line.data() + kVersion.size();
  const auto [stopped, error] = std::from_chars(digits, digits + 3, status);
  if (error != std::errc{} || stopped != digits + 3 || status < 100 || status > 599) return std::nullopt;
  if (line.size() > kVersion.size() + 3 && line[kVersion.size() + 3] != ' ') return std::nullopt;
  return status;
}

/// 0 for anything else, such as a date.
unsigned seconds_of(std::string_view value) {
  unsigned seconds = 0;
  const auto [stopped, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  return error == std::errc{} && stopped == value.data() + value.size() ? seconds : 0;
}

struct Fields {
  std::optional<std::size_t> length;
  bool is_broken = false;
};

void read_length(std::string_view value, Fields& fields) {
  std::size_t length = 0;
  const auto [stopped, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  const bool is_number = error == std::errc{} && stopped == value.data() + value.size();
  if (!is_number || fields.length || length > kBodyBytesMax) fields.is_broken = true;
  fields.length = length;
}

void read_field(std::string_view line, Fields& fields, Response& response) {
  // By their first letter, since nearly every line is none of these.
  switch (line.empty() ? '\0' : lower(line.front())) {
    case 'c':
      if (is_named(line, "content-length")) read_length(value_of(line, 14), fields);
      if (is_named(line, "connection")) response.closes = equals_ignoring_case(value_of(line, 10), "close");
      break;
    case 'i':
      if (is_named(line, "idempotency-replayed")) response.is_replay = value_of(line, 20) == "true";
      break;
    case 'r':
      if (is_named(line, "retry-after")) response.retry_after_s = seconds_of(value_of(line, 11));
      break;
    case 't':
      if (is_named(line, "transfer-encoding")) fields.is_broken = true;
      break;
    default: break;
  }
}

Fields read_fields(std::string_view lines, Response& response) {
  Fields fields;
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    read_field(lines.substr(0, end), fields, response);
    if (end == std::string_view::npos) break;
    lines.remove_prefix(end + 2);
  }
  return fields;
}

Response malformed() { return {.state = Response::State::malformed, .body = {}}; }

}  // namespace

Response parse_response(std::string_view bytes) {
  const std::size_t checked = std::min(bytes.size(), kVersion.size());
  if (bytes.substr(0, checked) != kVersion.substr(0, checked)) return malformed();
  const std::size_t head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return bytes.size() > kHeadBytesMax ? malformed() : Response{};
  const std::string_view head = bytes.substr(0, head_end);
  const std::size_t line_end = std::min(head.find("\r\n"), head.size());
  const auto status = status_of(head.substr(0, line_end));
  if (!status || *status < 200) return malformed();

  Response response;
  response.status = *status;
  const Fields fields = read_fields(head.substr(std::min(line_end + 2, head.size())), response);
  const bool has_no_body = *status == 204 || *status == 304;
  if (fields.is_broken || (!fields.length && !has_no_body)) return malformed();
  const std::size_t body_size = has_no_body ? 0 : *fields.length;
  response.size = head_end + 4 + body_size;
  if (bytes.size() < response.size) return response;
  response.body = bytes.substr(head_end + 4, body_size);
  response.state = Response::State::complete;
  return response;
}

}  // namespace flashsale::load
