#include "flashsale/api/exchange.hpp"

#include <random>

#include "flashsale/model/check.hpp"

namespace flashsale::api {
namespace {

// One of these in a field would let its value write further fields, or a second answer.
constexpr std::string_view kForbidden{"\r\n\0", 3};
/// The longest that one is told to wait, in shortest ones.
constexpr unsigned kRetryAfterSpread = 3;

bool is_safe(std::string_view text) { return text.find_first_of(kForbidden) == std::string_view::npos; }

}  // namespace

void append_header(std::string& block, std::string_view name, std::string_view value) {
  FLASHSALE_CHECK(!name.empty() && is_safe(name) && is_safe(value));
  block.append(name).append(": ").append(value).append("\r\n");
}

void reply_problem(Exchange& exchange, ProblemType type, std::string_view detail, std::string_view headers,
                   std::string_view members) {
  const std::string body = problem_document(type, detail, members);
  exchange.reply(
      {.status = describe(type).status, .content_type = "application/problem+json", .body = body, .headers = headers});
}

void append_retry_after(std::string& block, unsigned least_s) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<unsigned> seconds(least_s, kRetryAfterSpread * least_s);
  append_header(block, "Retry-After", std::to_string(seconds(random)));
}

void reply_retry_later(Exchange& exchange, ProblemType type, std::string_view detail, unsigned retry_after_s,
                       std::string_view headers) {
  std::string block;
  // A limit of one's own says exactly when it ends.
  if (type == ProblemType::rate_limited) append_header(block, "Retry-After", std::to_string(retry_after_s));
  else append_retry_after(block, retry_after_s);
  block += headers;
  reply_problem(exchange, type, detail, block);
}

}  // namespace flashsale::api
