#include "ops_endpoints.hpp"

#include <boost/asio/post.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "caller.hpp"
#include "embedded/flashsale_api_pages.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/model/json_text.hpp"
#include "flashsale/postgres/event_repository.hpp"
#include "flashsale/telemetry/log.hpp"
#include "json_body.hpp"
#include "order_endpoints.hpp"
#include "page_file.hpp"
#include "query_parameters.hpp"
#include "watcher.hpp"

namespace flashsale::api {
namespace {

constexpr std::size_t kWatchersMax = 128;
/// A link is passed on: whoever has it may not take the places of those who run the sale.
constexpr std::size_t kLinkWatchersMax = 96;
constexpr std::int64_t kLinkDefaultS = 3600;
constexpr std::int64_t kLinkLeastS = 1;
constexpr std::int64_t kLinkMostS = 604'800;

TimePoint wall_clock() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

Result<EventsReading> read_events_of(postgres::Session& session) {
  const auto line = postgres::find_event_line(session);
  if (!line) return line.error();
  auto sinks = postgres::list_event_sinks(session);
  if (!sinks) return sinks.error();
  auto lags = postgres::list_sink_lags(session);
  if (!lags) return lags.error();
  return EventsReading{line->last_position, std::move(*sinks), std::move(*lags)};
}

ParsedBody<std::chrono::seconds> parse_link_request(std::string_view body) {
  Fault fault;
  auto valid_s = kLinkDefaultS;
  if (!body.empty()) {
    const auto json = parse_body(body, fault);
    ObjectReader reader(json, "the body", fault);
    if (reader.has("valid_s")) valid_s = reader.integer("valid_s", kLinkLeastS, kLinkMostS);
    reader.refuse_unknown();
  }
  return finish(std::chrono::seconds(valid_s), std::move(fault));
}

}  // namespace

OpsEndpoints::OpsEndpoints(ProcessParts& process, ThreadParts thread, const WatchParts& watch)
    : process_(process),
      thread_(thread),
      links_(watch.links),
      hub_(thread.context, {.streams_max = kWatchersMax}, process.metrics.queue_depth("ops_streams")),
      feed_(thread.context, {.instance = watch.instance, .look = [this] { return look(); }, .now = wall_clock}) {}

void OpsEndpoints::add_routes(Routes& routes) {
  add_way_to_page(routes, "/ops");
  add_page_file(routes, "/ops", PagePart::document, pages::ops_html);
  add_page_file(routes, "/ops/ops.css", PagePart::style, pages::ops_css);
  add_page_file(routes, "/ops/ops.js", PagePart::script, pages::ops_js);
  add_page_file(routes, "/ops/ops_actions.js", PagePart::script, pages::ops_actions_js);
  add_page_file(routes, "/ops/ops_forecast.js", PagePart::script, pages::ops_forecast_js);
  add_page_file(routes, "/ops/ops_history.js", PagePart::script, pages::ops_history_js);
  add_page_file(routes, "/ops/ops_plots.js", PagePart::script, pages::ops_plots_js);
  add_page_file(routes, "/ops/ops_report.js", PagePart::script, pages::ops_report_js);
  add_page_file(routes, "/ops/ops_stream.js", PagePart::script, pages::ops_stream_js);
  routes.push_back({Method::get, "/admin/v1/ops/stream", [this](Exchange& exchange) { stream(exchange); }});
  routes.push_back({Method::post, "/admin/v1/ops/links", [this](Exchange& exchange) {
                      const auto admin = find_admin(exchange, process_, identity::AdminRole::operator_);
                      if (admin) make_link(exchange, *admin);
                    }});
}

void OpsEndpoints::stream(Exchange& exchange) {
  const auto watcher = identify_watcher(exchange, process_, links_);
  if (!watcher) return;
  const QueryParameters query(exchange.request().query);
  if (!query.ok() || !query.only({})) {
    return reply_problem(exchange, ProblemType::malformed_request, "this call takes no parameters");
  }
  const bool is_by_link = watcher->role == kRoleOfLink;
  if (is_by_link && link_watchers_ >= kLinkWatchersMax) {
    return reply_problem(exchange, ProblemType::overloaded, "as many watch by links as may");
  }
  const auto stream = hub_.open(exchange, watcher->until);
  if (!stream) return;
  if (is_by_link) {
    ++link_watchers_;
    stream->on_end([this] { --link_watchers_; });
  }
  stream->push(make_frame("event: viewer\ndata: {\"role\":\"" + std::string(watcher->role) + "\"}\n\n"));
  feed_.follow(stream, watcher->until);
}

/// The token stands behind the `#`, which browsers send to nobody: it gets into no log on its way.
void OpsEndpoints::make_link(Exchange& exchange, const identity::AdminTokens::Admin& admin) {
  if (!exchange.request().body.empty() && !has_json_body(exchange)) return;
  const auto parsed = parse_link_request(exchange.request().body);
  if (!is_well_formed(exchange, parsed)) return;
  // It opens nothing that its maker's token would not.
  const auto until =
      std::chrono::time_point_cast<std::chrono::seconds>(std::min<TimePoint>(wall_clock() + parsed.value, admin.until));
  const auto token = links_.make(until);
  telemetry::log_info("link to watch made", {{"admin", admin.name}, {"until", format_rfc3339(until)}});
  std::string body = "{";
  append_text(body, "token", token);
  append_text(body, "path", "/ops#watch=" + token);
  append_time(body, "expires_at", until);
  body += '}';
  exchange.reply({200, "application/json", body, "Cache-Control: no-store\r\n"});
}

OpsReading OpsEndpoints::look() {
  auto& metrics = process_.metrics;
  OpsReading reading;
  reading.at = wall_clock();
  reading.taken_at = std::chrono::steady_clock::now();
  reading.snapshot = thread_.catalog.snapshot();
  reading.checkout_seconds = counts_of(metrics.request_durations().of_route(kCheckoutRoute));
  for (std::size_t i = 0; i < reading.outcomes.size(); ++i) {
    reading.outcomes[i] = metrics.reservations(checkout::kPlacementOutcomes[i]).Value();
  }
  reading.orders_in_flight = metrics.queue_depth("orders_in_flight").Value();
  reading.orders_in_flight_limit = metrics.queue_depth("orders_in_flight_limit").Value();
  reading.pending_log_entries = metrics.pending_log_entries().Value();
  reading.pending_log_oldest_age_s = metrics.pending_log_age_seconds().Value();
  reading.connections = metrics.connections("public").Value();
  reading.pulse_age = std::chrono::duration_cast<std::chrono::milliseconds>(process_.pulse.age());
  reading.failing_parts = process_.failing_parts();
  reading.forecasts = process_.forecasts.latest();
  reading.has_events = process_.events.enabled();
  reading.events = events_;
  read_events();
  return reading;
}

/// For the next look. Where PostgreSQL does not answer, what was known is not told any more.
void OpsEndpoints::read_events() {
  if (!process_.events.enabled() || is_reading_events_) return;
  is_reading_events_ = process_.feed.submit([this](workers::Stores& stores) {
    std::optional<EventsReading> events;
    if (auto read = read_events_of(stores.session())) events = std::move(*read);
    const auto shared = std::make_shared<std::optional<EventsReading>>(std::move(events));
    boost::asio::post(thread_.context, [this, shared] {
      is_reading_events_ = false;
      events_ = std::move(*shared);
    });
  });
}

}  // namespace flashsale::api
