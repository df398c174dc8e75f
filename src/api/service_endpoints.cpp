#include "service_endpoints.hpp"

#include <string>

#include "embedded/flashsale_api.hpp"
#include "flashsale/model/json_text.hpp"

namespace flashsale::api {
namespace {

void answer_livez(Exchange& exchange) { exchange.reply({200, "application/json", R"({"status":"ok"})", {}}); }

void answer_readyz(Exchange& exchange, const ProcessParts& process) {
  const auto failing = process.failing_parts();
  if (failing.empty()) return exchange.reply({200, "application/json", R"({"status":"ok"})", {}});
  std::string members = "\"failing\":[";
  for (const auto part : failing) {
    if (members.back() != '[') members += ',';
    append_json_string(members, part);
  }
  members += ']';
  reply_problem(exchange, ProblemType::unavailable, "this instance cannot sell at the moment", "Retry-After: 1\r\n",
                members);
}

void answer_problem_page(Exchange& exchange) {
  const auto* problem = find_problem(exchange.request().path_parameters[0]);
  if (!problem) return reply_problem(exchange, ProblemType::not_found, "there is no such problem type");
  std::string body = "{\"type\":";
  append_json_string(body, std::string("/problems/").append(problem->name));
  body += ",\"title\":";
  append_json_string(body, problem->title);
  body += ",\"status\":";
  append_json_number(body, problem->status);
  body += ",\"explanation\":";
  append_json_string(body, problem->explanation);
  body += '}';
  exchange.reply({200, "application/json", body, "Cache-Control: public, max-age=3600\r\n"});
}

}  // namespace

void add_service_routes(Routes& routes, ProcessParts& process) {
  routes.push_back({Method::get, "/livez", answer_livez});
  routes.push_back({Method::get, "/readyz", [&process](Exchange& exchange) { answer_readyz(exchange, process); }});
  routes.push_back({Method::get, "/openapi.yaml", [](Exchange& exchange) {
                      exchange.reply({200, "application/yaml", embedded::openapi_yaml, {}});
                    }});
  routes.push_back({Method::get, "/problems/{name}", answer_problem_page});
}

}  // namespace flashsale::api
