#pragma once
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "flashsale/api/exchange.hpp"
#include "flashsale/api/problem.hpp"
#include "flashsale/model/time.hpp"

/// Bodies of requests that are JSON objects: read strictly, member by member, and refused with a sentence that names
/// the member at fault.
namespace flashsale::api {

/// What was asked for, or the problem.
template <class Value>
struct ParsedBody {
  Value value;
  std::optional<ProblemType> problem;
  std::string detail;
};

/// The first thing found wrong with a body.
struct Fault {
  std::optional<ProblemType> problem;
  std::string detail;

  void malformed(std::string text) { set(ProblemType::malformed_request, std::move(text)); }
  void contradictory(std::string text) { set(ProblemType::invalid_definition, std::move(text)); }
  void unsupported(std::string text) { set(ProblemType::not_supported, std::move(text)); }

 private:
  void set(ProblemType type, std::string text);
};

/// Reads the members of one object; whatever is wrong goes to the fault, and the default stays.
class ObjectReader {
 public:
  ObjectReader(const nlohmann::json& object, std::string path, Fault& fault);

  [[nodiscard]] bool has(const char* name);
  std::string text(const char* name);
  std::string label(const char* name, std::size_t most);
  std::string identifier(const char* name);
  std::int64_t integer(const char* name, std::int64_t least, std::int64_t most);
  bool boolean(const char* name);
  TimePoint time(const char* name);
  const nlohmann::json& member(const char* name);
  /// Call last: what was not read is unknown.
  void refuse_unknown();

  [[nodiscard]] std::string at(std::string_view name) const;

 private:
  bool require(const char* name);

  const nlohmann::json& object_;
  std::string path_;
  Fault& fault_;
  std::set<std::string, std::less<>> names_;
};

[[nodiscard]] nlohmann::json parse_body(std::string_view body, Fault& fault);

template <class Value>
[[nodiscard]] ParsedBody<Value> finish(Value value, Fault fault) {
  return {std::move(value), fault.problem, std::move(fault.detail)};
}

/// Answers 415 itself and gives false when the body is announced as anything else.
[[nodiscard]] bool has_json_body(Exchange& exchange);

/// Answers with the problem itself and gives false when there is one.
template <class Parsed>
[[nodiscard]] bool is_well_formed(Exchange& exchange, const Parsed& parsed) {
  if (!parsed.problem) return true;
  reply_problem(exchange, *parsed.problem, parsed.detail);
  return false;
}

}  // namespace flashsale::api
