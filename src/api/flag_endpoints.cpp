#include "flag_endpoints.hpp"

#include <algorithm>
#include <utility>

#include "caller.hpp"
#include "flag_request.hpp"
#include "flashsale/admin/flags.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/model/json_text.hpp"
#include "json_body.hpp"
#include "operation.hpp"

namespace flashsale::api {
namespace {

void append_bool(std::string& out, std::string_view name, bool value) {
  append_member(out, name);
  out += value ? "true" : "false";
}

void append_sales(std::string& out, const std::vector<std::string>& sales) {
  append_member(out, "sales");
  if (sales.empty()) {
    out += "null";
    return;
  }
  out += '[';
  for (const auto& sale_id : sales) {
    if (out.back() != '[') out += ',';
    append_json_string(out, sale_id);
  }
  out += ']';
}

/// `changed_at` is null for one that was never set.
void append_flag(std::string& out, Feature feature, const Flag& flag, const std::optional<TimePoint>& changed_at) {
  out += '{';
  append_member(out, "name");
  append_json_string(out, to_string(feature));
  append_bool(out, "enabled", flag.enabled);
  append_member(out, "percent");
  append_json_number(out, flag.percent);
  append_sales(out, flag.sales);
  append_bool(out, "default", is_on_by_default(feature));
  append_member(out, "changed_at");
  if (changed_at) append_json_string(out, format_rfc3339(*changed_at));
  else out += "null";
  out += '}';
}

std::string list_document(const std::vector<postgres::FlagRecord>& records) {
  std::string body = "{\"flags\":[";
  for (const auto feature : kFeatures) {
    if (body.back() != '[') body += ',';
    const auto found = std::ranges::find(records, feature, &postgres::FlagRecord::feature);
    if (found == records.end()) append_flag(body, feature, default_flag(feature), std::nullopt);
    else append_flag(body, feature, found->flag, found->changed_at);
  }
  return body + "]}";
}

}  // namespace

void FlagEndpoints::add_routes(Routes& routes) {
  routes.push_back({Method::get, "/admin/v1/flags", [this](Exchange& exchange) {
                      if (identify_admin(exchange, process_, identity::AdminRole::read)) list(exchange);
                    }});
  routes.push_back({Method::put, "/admin/v1/flags/{name}", [this](Exchange& exchange) {
                      const auto who = identify_admin(exchange, process_, identity::AdminRole::operator_);
                      if (who) put(exchange, *who);
                    }});
}

void FlagEndpoints::list(Exchange& exchange) {
  run_operation(exchange, process_.switches, [](workers::Stores& stores) {
    const auto records = postgres::list_flags(stores.session());
    if (!records) return Answer::failure(records.error());
    Answer answer;
    answer.body = list_document(*records);
    return answer;
  });
}

void FlagEndpoints::put(Exchange& exchange, std::string_view who) {
  const auto feature = parse_feature(exchange.request().path_parameters[0]);
  if (!feature) return reply_problem(exchange, ProblemType::unknown_flag, "there is no feature flag of this name");
  if (!has_json_body(exchange)) return;
  read_body<FlagBody>(exchange, process_.switches, parse_flag_body,
                      [this, feature = *feature, who = std::string(who)](Exchange& read, FlagBody parsed) {
                        set(read, feature, std::move(parsed.flag), who);
                      });
}

void FlagEndpoints::set(Exchange& exchange, Feature feature, Flag flag, const std::string& who) {
  using Written = Result<postgres::FlagRecord>;
  run_operation<Written>(
      exchange, process_.switches,
      [feature, flag = std::move(flag), who](workers::Stores& stores) {
        return admin::set_flag(stores, feature, flag, who);
      },
      [this](Exchange& answered, const Written& written) {
        process_.directory.reload();
        if (!written) return reply_failure(answered, written.error(), "a store cannot be reached at the moment");
        std::string body;
        append_flag(body, written->feature, written->flag, written->changed_at);
        answered.reply({200, "application/json", body, {}});
      });
}

}  // namespace flashsale::api
