#include "operation.hpp"

namespace flashsale::api {

Answer Answer::problem(ProblemType type, std::string_view detail, std::string_view members) {
  Answer answer;
  answer.status = describe(type).status;
  answer.body = problem_document(type, detail, members);
  answer.content_type = "application/problem+json";
  return answer;
}

Answer Answer::unavailable() {
  auto answer = problem(ProblemType::unavailable, "a store cannot be reached at the moment");
  append_header(answer.headers, "Retry-After", "1");
  return answer;
}

void reply_later(std::shared_ptr<Exchange> exchange, Answer answer) {
  auto executor = exchange->executor();
  boost::asio::post(executor, [exchange = std::move(exchange), answer = std::move(answer)] {
    exchange->reply({answer.status, answer.content_type, answer.body, answer.headers});
  });
}

void run_operation(Exchange& exchange, const ProcessParts& process, std::function<Answer(catalog::Publisher&)> work) {
  run_operation(exchange, process.operations, std::move(work));
}

void run_operation(Exchange& exchange, admin::OperationPool& pool, std::function<Answer(catalog::Publisher&)> work) {
  run_operation<Answer>(exchange, pool, std::move(work), [](Exchange& answered, const Answer& answer) {
    answered.reply({answer.status, answer.content_type, answer.body, answer.headers});
  });
}

}  // namespace flashsale::api
