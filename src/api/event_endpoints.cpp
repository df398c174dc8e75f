#include "event_endpoints.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <initializer_list>
#include <utility>

#include "caller.hpp"
#include "event_sinks_document.hpp"
#include "flashsale/model/identifier.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/postgres/event_repository.hpp"
#include "flashsale/postgres/event_sinks.hpp"
#include "operation.hpp"
#include "order_request.hpp"
#include "query_parameters.hpp"

namespace flashsale::api {
namespace {

constexpr std::chrono::seconds kWaitMax{30};

/// Empty: there is something wrong, which has been answered.
std::optional<EventFilter> filter_or_answer(Exchange& exchange, const QueryParameters& query) {
  EventFilter filter;
  const auto types = query.find("type");
  const auto sale = query.find("sale_id");
  const auto parsed = types ? parse_event_types(*types) : std::uint32_t{0};
  if (!parsed) {
    reply_problem(exchange, ProblemType::malformed_request,
                  "type must be one type of event, or several with commas; flashsale.order.* is all of orders");
    return std::nullopt;
  }
  if (sale && !is_valid_identifier(*sale)) {
    reply_problem(exchange, ProblemType::malformed_request, "sale_id cannot be the id of a sale");
    return std::nullopt;
  }
  filter.types = *parsed;
  if (sale) filter.sale_id = *sale;
  return filter;
}

/// The position behind which to begin, 18 digits at most; `value` empty: not given.
struct After {
  std::optional<std::int64_t> value;
  bool ok = true;
};
After parse_after(std::optional<std::string_view> text) {
  if (!text) return {};
  const auto position = parse_cursor_number(*text);
  return {position, position.has_value()};
}

std::optional<EventQuery> page_query_or_answer(Exchange& exchange) {
  const QueryParameters query(exchange.request().query);
  const auto limit = page_limit(query);
  const auto after = parse_after(query.find("after"));
  if (!query.ok() || !query.only({"after", "limit", "type", "sale_id"}) || !limit || !after.ok) {
    reply_problem(exchange, ProblemType::malformed_request,
                  "after must be a position, limit 1 to 1000; others than type and sale_id are not known");
    return std::nullopt;
  }
  auto filter = filter_or_answer(exchange, query);
  if (!filter) return std::nullopt;
  EventQuery wanted;
  wanted.after = after.value;
  wanted.filter = std::move(*filter);
  wanted.limit = static_cast<std::size_t>(*limit);
  return wanted;
}

/// What was received last comes before what was asked for first: so a browser takes it up again.
std::optional<EventQuery> stream_query_or_answer(Exchange& exchange) {
  const QueryParameters query(exchange.request().query);
  const auto last_id = exchange.request().header(Header::last_event_id);
  const auto after = parse_after(query.find("after"));
  const auto last = last_id.empty() ? after : parse_after(last_id);
  if (!query.ok() || !query.only({"after", "type", "sale_id"}) || !after.ok || !last.ok) {
    reply_problem(exchange, ProblemType::malformed_request,
                  "after and Last-Event-ID must be positions; others than type and sale_id are not known");
    return std::nullopt;
  }
  auto filter = filter_or_answer(exchange, query);
  if (!filter) return std::nullopt;
  return EventFeed::first_query(last.value, std::move(*filter));
}

/// Of `Prefer: wait=N`; 0: not given.
std::optional<std::chrono::seconds> wait_or_answer(Exchange& exchange) {
  const auto [respond_async, wait, has_no_number] = parse_prefer(exchange.request().header(Header::prefer));
  if (!wait && !has_no_number) return std::chrono::seconds(0);
  if (wait && *wait >= std::chrono::seconds(1) && *wait <= kWaitMax) return wait;
  reply_problem(exchange, ProblemType::malformed_request, "Prefer: wait must be 1 to 30 seconds");
  return std::nullopt;
}

/// True: there is no such page, which has been answered.
bool answered_unreadable(Exchange& exchange, const Result<EventPage>& page) {
  if (page && page->oldest_after) {
    std::string members;
    append_number(members, "oldest_after", *page->oldest_after);
    const auto detail = "events up to position " + std::to_string(*page->oldest_after) + " are not kept any more";
    reply_problem(exchange, ProblemType::events_gone, detail, {}, members);
    return true;
  }
  if (page && page->ends_before) {
    std::string members;
    append_number(members, "last_position", *page->ends_before);
    const auto detail = "the last event there is has position " + std::to_string(*page->ends_before);
    reply_problem(exchange, ProblemType::events_ahead, detail, {}, members);
    return true;
  }
  if (page && page->is_broken) {
    reply_problem(exchange, ProblemType::unavailable,
                  "event " + std::to_string(page->next_after + 1) + " is missing: flashsaled events audit says more");
    return true;
  }
  if (!page) reply_failure(exchange, page.error(), "events cannot be read at the moment");
  return !page;
}

/// On the thread that reads: a page may have a thousand events.
struct PageRead {
  Result<EventPage> page;
  std::string body;
};

Answer sinks_answer(postgres::Session& session) {
  const auto line = postgres::find_event_line(session);
  if (!line) return Answer::failure(line.error());
  const auto sinks = postgres::list_event_sinks(session);
  if (!sinks) return Answer::failure(sinks.error());
  const auto lags = postgres::list_sink_lags(session);
  if (!lags) return Answer::failure(lags.error());
  Answer answer;
  answer.body = event_sinks_document(*line, *sinks, *lags);
  return answer;
}

}  // namespace

EventEndpoints::EventEndpoints(ProcessParts& process, ThreadParts thread)
    : process_(process),
      context_(thread.context),
      hub_(thread.context, {}, process.metrics.queue_depth("event_streams")),
      feed_(thread.context,
            {.read = [this](EventQuery query,
                            EventFeed::PageRead then) { return read(std::move(query), std::move(then)); },
             .last_position = [&process] { return process.events.log().last_position(); },
             .source = process.event_source,
             .polls = process.metrics.queue_depth("event_polls")},
            {}) {}

void EventEndpoints::add_routes(Routes& routes) {
  using identity::AdminRole;
  const auto add = [&](std::string_view pattern, AdminRole role, auto handler) {
    routes.push_back({Method::get, pattern, [this, role, handler](Exchange& exchange) {
                        const auto admin = find_admin(exchange, process_, role);
                        if (!admin) return;
                        if (process_.events.enabled()) return handler(exchange, *admin);
                        reply_problem(exchange, ProblemType::events_disabled, "events.enabled is false");
                      }});
  };
  // Everybody's orders, as in orders.csv.
  add("/admin/v1/events", AdminRole::operator_,
      [this](Exchange& exchange, const auto& admin) { list(exchange, admin); });
  add("/admin/v1/events/stream", AdminRole::operator_,
      [this](Exchange& exchange, const auto& admin) { stream(exchange, admin); });
  add("/admin/v1/events/sinks", AdminRole::read, [this](Exchange& exchange, const auto&) { list_sinks(exchange); });
}

void EventEndpoints::start_draining() {
  feed_.end_waits();
  hub_.end_all();
}

// ---- pages

void EventEndpoints::list(Exchange& exchange, const identity::AdminTokens::Admin& admin) {
  const auto query = page_query_or_answer(exchange);
  if (!query) return;
  const auto wait = wait_or_answer(exchange);
  if (!wait) return;
  run_operation<PageRead>(
      exchange, process_.feed,
      [this, query = *query, who = std::string(admin.name)](workers::Stores& stores) -> PageRead {
        if (const auto error = notes_.note(stores.session(), who, "events.read")) return {error, {}};
        PageRead read{read_event_page(process_.events.log(), stores.session(), query), {}};
        if (read.page) read.body = event_page_document(*read.page, process_.event_source);
        return read;
      },
      [this, query = *query, wait = *wait](Exchange& answered, const PageRead& read) {
        if (answered_unreadable(answered, read.page)) return;
        if (!read.page->events.empty() || wait.count() == 0) return answered.reply({.body = read.body, .headers = {}});
        auto rest = query;
        rest.after = read.page->next_after;
        this->wait(answered, std::move(rest), wait);
      });
}

void EventEndpoints::wait(Exchange& exchange, EventQuery query, std::chrono::seconds wait) {
  listen_to_log();
  auto kept = exchange.shared_from_this();
  auto answer = [this, kept](const Result<EventPage>& page, std::chrono::steady_clock::duration waited) {
    if (auto* trace = kept->trace()) trace->waited = waited;
    if (answered_unreadable(*kept, page)) return;
    kept->reply({.body = event_page_document(*page, process_.event_source), .headers = {}});
  };
  const auto poll = feed_.wait(std::move(query), exchange.request().received_at + wait, std::move(answer));
  if (!poll) return reply_problem(exchange, ProblemType::overloaded, "as many calls wait for events as may");
  exchange.watch_client([this, weak = std::weak_ptr(poll)] {
    if (const auto left = weak.lock()) feed_.forget(left);
  });
}

// ---- the stream

void EventEndpoints::stream(Exchange& exchange, const identity::AdminTokens::Admin& admin) {
  const auto query = stream_query_or_answer(exchange);
  if (!query) return;
  run_operation<Result<EventPage>>(
      exchange, process_.feed,
      [this, query = *query, who = std::string(admin.name)](workers::Stores& stores) -> Result<EventPage> {
        if (const auto error = notes_.note(stores.session(), who, "events.streamed")) return error;
        return read_event_page(process_.events.log(), stores.session(), query);
      },
      [this, filter = query->filter, until = admin.until](Exchange& answered, const Result<EventPage>& page) {
        if (answered_unreadable(answered, page)) return;
        const auto stream = hub_.open(answered, until);
        if (!stream) return;
        listen_to_log();
        feed_.follow(stream, filter, *page);
      });
}

/// Once, and only where somebody listens: one thread of all serves admins.
void EventEndpoints::listen_to_log() {
  if (std::exchange(listens_, true)) return;
  process_.events.log().on_announce([this](std::int64_t) { feed_.announce(); },
                                    [this] { return feed_.is_listening(); });
}

bool EventEndpoints::read(EventQuery query, EventFeed::PageRead then) {
  return process_.feed.submit(
      [this, query = std::move(query), then = std::move(then)](workers::Stores& stores) mutable {
        auto page = read_event_page(process_.events.log(), stores.session(), query);
        // With it goes what may only be let go of there.
        boost::asio::post(context_, [then = std::move(then), page = std::move(page)] { then(page); });
      });
}

// ---- sinks

void EventEndpoints::list_sinks(Exchange& exchange) {
  run_operation(exchange, process_, [](workers::Stores& stores) { return sinks_answer(stores.session()); });
}

}  // namespace flashsale::api
