#include "service_endpoints.hpp"

#include <string>
#include <utility>

#include "embedded/flashsale_api.hpp"
#include "embedded/flashsale_api_pages.hpp"
#include "entity_tag.hpp"
#include "flashsale/model/json_text.hpp"
#include "page_file.hpp"
#include "public_description.hpp"

namespace flashsale::api {
namespace {

constexpr unsigned kDescriptionMaxAgeS = 3600;

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
  reply_problem(exchange, ProblemType::unavailable, "this instance cannot sell at the moment", {}, members);
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

struct Description {
  explicit Description(std::string openapi) : text(std::move(openapi)), etag(entity_tag(text)) {}
  std::string text;
  std::string etag;
};

const Description& description_for(Audience audience) {
  static const Description whole{std::string(embedded::openapi_yaml)};
  static const Description of_public{public_description(embedded::openapi_yaml)};
  return audience == Audience::admins ? whole : of_public;
}

}  // namespace

void add_service_routes(Routes& routes, ProcessParts& process, Audience audience) {
  routes.push_back({Method::get, "/livez", answer_livez});
  routes.push_back({Method::get, "/readyz", [&process](Exchange& exchange) { answer_readyz(exchange, process); }});
  routes.push_back(
      {Method::get, "/openapi.yaml", [&description = description_for(audience)](Exchange& exchange) {
         reply_cached(exchange, {"application/yaml", description.text, description.etag, kDescriptionMaxAgeS});
       }});
  routes.push_back({Method::get, "/problems/{name}", answer_problem_page});
  // What browsers ask for by themselves wherever no page names an icon; the pages name it, too.
  add_page_file(routes, "/favicon.ico", PagePart::icon, pages::favicon_svg);
}

}  // namespace flashsale::api
