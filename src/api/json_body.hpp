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
#include "operation.hpp"

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
  std::string label(const char* name, std::size_t characters_max);
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

/// The body, read by `parse`, on the exchange's thread: at once when it is small; else it is read on the pool, so that
/// no body keeps others of an I/O thread waiting. Answers itself when there is a problem, or no room in the pool.
template <class Parsed>
void read_body(Exchange& exchange, workers::OperationPool& pool, Parsed (*parse)(std::string_view),
               std::function<void(Exchange&, Parsed)> then);

/// Answers 415 itself and gives false when the body is announced as anything else.
[[nodiscard]] bool has_json_body(Exchange& exchange);

/// Answers 400 itself and gives false when there is a body other than `{}`: what it asks for would be ignored.
[[nodiscard]] bool has_empty_body(Exchange& exchange);

/// Answers with the problem itself and gives false when there is one.
template <class Parsed>
[[nodiscard]] bool is_well_formed(Exchange& exchange, const Parsed& parsed) {
  if (!parsed.problem) return true;
  reply_problem(exchange, *parsed.problem, parsed.detail);
  return false;
}

/// Most bodies that are no attack; reading as many bytes takes some 0.1 ms at worst.
inline constexpr std::size_t kReadAtOnceBytesMax = 4096;

template <class Parsed>
void read_body(Exchange& exchange, workers::OperationPool& pool, Parsed (*parse)(std::string_view),
               std::function<void(Exchange&, Parsed)> then) {
  const auto body = exchange.request().body;
  auto finish = [then = std::move(then)](Exchange& read, Parsed parsed) {
    if (is_well_formed(read, parsed)) then(read, std::move(parsed));
  };
  if (body.size() <= kReadAtOnceBytesMax) return finish(exchange, parse(body));
  run_operation<Parsed>(
      exchange, pool, [parse, body](workers::Stores&) { return parse(body); }, std::move(finish));
}

}  // namespace flashsale::api
