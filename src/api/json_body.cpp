#include "json_body.hpp"

#include <chrono>

#include "flashsale/model/identifier.hpp"
#include "order_request.hpp"
#include "strict_json.hpp"

namespace flashsale::api {

using nlohmann::json;

namespace {

/// PostgreSQL has no year 0. RFC 3339 can write it, and an offset leads there from the year 1.
constexpr TimePoint kEarliestTime{std::chrono::sys_days{std::chrono::year{1} / 1 / 1}};

/// `{}`, with white space anywhere.
bool is_empty_object(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  const auto end = text.find_last_not_of(kSpace);
  if (begin == std::string_view::npos || text[begin] != '{' || text[end] != '}') return false;
  return text.find_first_not_of(kSpace, begin + 1) == end;
}

}  // namespace

void Fault::set(ProblemType type, std::string text) {
  if (problem) return;
  problem = type;
  detail = std::move(text);
}

ObjectReader::ObjectReader(const json& object, std::string path, Fault& fault)
    : object_(object), path_(std::move(path)), fault_(fault) {
  if (!object.is_object()) fault_.malformed(path_ + " must be an object");
}

bool ObjectReader::has(const char* name) {
  names_.insert(name);
  return object_.is_object() && object_.contains(name);
}

std::string ObjectReader::text(const char* name) {
  if (!require(name)) return {};
  if (object_[name].is_string()) return object_[name].get<std::string>();
  fault_.malformed(at(name) + " must be a string");
  return {};
}

std::string ObjectReader::label(const char* name, std::size_t characters_max) {
  auto value = text(name);
  if (!is_valid_text(value, characters_max)) {
    fault_.malformed(at(name) + " must have 1 to " + std::to_string(characters_max) +
                     " characters, none of them a control character");
  }
  return value;
}

std::string ObjectReader::identifier(const char* name) {
  auto value = text(name);
  if (!is_valid_identifier(value)) {
    fault_.malformed(at(name) + " must be 1 to 64 of letters, digits, '.', '_' and '-', and begin with none of '.-'");
  }
  return value;
}

std::int64_t ObjectReader::integer(const char* name, std::int64_t least, std::int64_t most) {
  if (!require(name)) return least;
  const auto& value = object_[name];
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() || value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most)) &&
                    value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
  if (fits) return value.get<std::int64_t>();
  fault_.malformed(at(name) + " must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
  return least;
}

bool ObjectReader::boolean(const char* name) {
  if (!require(name)) return false;
  if (object_[name].is_boolean()) return object_[name].get<bool>();
  fault_.malformed(at(name) + " must be true or false");
  return false;
}

TimePoint ObjectReader::time(const char* name) {
  const auto parsed = parse_rfc3339(text(name));
  if (parsed && *parsed >= kEarliestTime) return *parsed;
  fault_.malformed(at(name) + " must be a date-time as in RFC 3339, in UTC not before the year 1");
  return TimePoint{};
}

const json& ObjectReader::member(const char* name) {
  static const json nothing;
  return require(name) ? object_[name] : nothing;
}

void ObjectReader::refuse_unknown() {
  if (!object_.is_object()) return;
  for (const auto& [name, value] : object_.items()) {
    if (!names_.contains(name)) fault_.malformed(path_ + " has a member that is not known");
  }
}

std::string ObjectReader::at(std::string_view name) const {
  return path_ == "the body" ? std::string(name) : path_ + "." + std::string(name);
}

bool ObjectReader::require(const char* name) {
  if (has(name)) return true;
  fault_.malformed(at(name) + " is missing");
  return false;
}

json parse_body(std::string_view body, Fault& fault) {
  auto parsed = parse_strict_json(body);
  if (!parsed.error.empty()) fault.malformed(std::string(parsed.error));
  return std::move(parsed.value);
}

bool has_empty_body(Exchange& exchange) {
  const auto body = exchange.request().body;
  if (body.empty() || is_empty_object(body)) return true;
  reply_problem(exchange, ProblemType::malformed_request, "the body must be empty or {}");
  return false;
}

bool has_json_body(Exchange& exchange) {
  if (is_json(exchange.request().header(Header::content_type))) return true;
  reply_problem(exchange, ProblemType::unsupported_media_type, "the body must be application/json");
  return false;
}

}  // namespace flashsale::api
