#include "operation.hpp"

#include "flashsale/postgres/error.hpp"
#include "flashsale/redis/error.hpp"

namespace flashsale::api {
namespace {

constexpr std::string_view kNotStorable = "the request holds a value that cannot be stored";

bool is_refused(const Error& error) { return error == make_error_code(postgres::Failure::data_refused); }

}  // namespace

Answer Answer::problem(ProblemType type, std::string_view detail, std::string_view members) {
  Answer answer;
  answer.status = describe(type).status;
  answer.body = problem_document(type, detail, members);
  answer.content_type = "application/problem+json";
  const auto retry_after_s = describe(type).retry_after_s;
  if (retry_after_s > 0) append_retry_after(answer.headers, retry_after_s);
  return answer;
}

Answer Answer::unavailable() { return problem(ProblemType::unavailable, "a store cannot be reached at the moment"); }

Answer Answer::failure(const Error& error) {
  return is_refused(error) ? problem(ProblemType::malformed_request, kNotStorable) : unavailable();
}

Answer Answer::not_changed(const Error& error) {
  if (!is_outcome_unknown(error)) return failure(error);
  return problem(ProblemType::outcome_unknown, "the change may have been made: send it again, or look");
}

void reply_failure(Exchange& exchange, const Error& error, std::string_view detail) {
  if (is_refused(error)) return reply_problem(exchange, ProblemType::malformed_request, kNotStorable);
  reply_problem(exchange, ProblemType::unavailable, detail);
}

bool is_outcome_unknown(const Error& error) {
  return error == redis::make_error_code(redis::Failure::outcome_unknown) ||
         error == postgres::make_error_code(postgres::Failure::outcome_unknown);
}

telemetry::TraceContext cause_of(Exchange& exchange) {
  const auto* trace = exchange.trace();
  return trace != nullptr ? trace->context : telemetry::TraceContext{};
}

void reply_later(std::shared_ptr<Exchange> exchange, Answer answer) {
  auto executor = exchange->executor();
  boost::asio::post(executor, [exchange = std::move(exchange), answer = std::move(answer)] {
    exchange->reply({answer.status, answer.content_type, answer.body, answer.headers});
  });
}

void reply_pool_full(Exchange& exchange) {
  reply_problem(exchange, ProblemType::overloaded, "too many such requests wait already");
}

void run_operation(Exchange& exchange, const ProcessParts& process, std::function<Answer(workers::Stores&)> work) {
  run_operation(exchange, process.operations, std::move(work));
}

void run_operation(Exchange& exchange, workers::OperationPool& pool, std::function<Answer(workers::Stores&)> work) {
  run_operation<Answer>(exchange, pool, std::move(work), [](Exchange& answered, const Answer& answer) {
    answered.reply({answer.status, answer.content_type, answer.body, answer.headers});
  });
}

}  // namespace flashsale::api
