#include "flashsale/api/exchange.hpp"

#include <random>

#include "flashsale/model/check.hpp"

namespace flashsale::api {
namespace {

// One of these in a field would let its value write further fields, or a second answer.
constexpr std::string_view kForbidden{"\r\n\0", 3};
/// The longest that one is told to wait, in shortest ones.
constexpr unsigned kRetryAfterSpread = 3;
constexpr unsigned kSwitchedOffRetryAfterS = 5;

bool is_safe(std::string_view text) { return text.find_first_of(kForbidden) == std::string_view::npos; }

}  // namespace

void append_header(std::string& block, std::string_view name, std::string_view value) {
  FLASHSALE_CHECK(!name.empty() && is_safe(name) && is_safe(value));
  block.append(name).append(": ").append(value).append("\r\n");
}

void reply_problem(Exchange& exchange, ProblemType type, std::string_view detail, std::string_view headers,
                   std::string_view members) {
  const std::string body = problem_document(type, detail, members);
  const auto& problem = describe(type);
  std::string with_retry;
  if (problem.retry_after_s > 0 && headers.find("Retry-After: ") == std::string_view::npos) {
    with_retry = headers;
    append_retry_after(with_retry, problem.retry_after_s);
    headers = with_retry;
  }
  exchange.reply(
      {.status = problem.status, .content_type = "application/problem+json", .body = body, .headers = headers});
}

void append_retry_after(std::string& block, unsigned least_s) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<unsigned> seconds(least_s, kRetryAfterSpread * least_s);
  append_header(block, "Retry-After", std::to_string(seconds(random)));
}

void reply_switched_off(Exchange& exchange, std::string_view detail) {
  std::string headers;
  append_retry_after(headers, kSwitchedOffRetryAfterS);
  reply_problem(exchange, ProblemType::unavailable, detail, headers);
}

void append_look_again(std::string& block) { append_header(block, "Retry-After", "1"); }

}  // namespace flashsale::api
