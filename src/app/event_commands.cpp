#include <algorithm>
#include <iostream>

#include "flashsale/app/commands.hpp"
#include "flashsale/events/event.hpp"
#include "flashsale/postgres/event_audit.hpp"
#include "flashsale/postgres/event_repository.hpp"
#include "flashsale/postgres/event_sinks.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/postgres/webhook_repository.hpp"
#include "module_options.hpp"

namespace flashsale::app {
namespace {

constexpr std::int32_t kSalesPage = 100;
constexpr std::int32_t kOrdersPage = 1000;

int cannot(std::string_view what, const Error& error) {
  std::cerr << "flashsaled: events " << what << ": " << error.message() << '\n';
  return 1;
}

// --- audit -----------------------------------------------------------------------------------------------------------

/// True: the line is whole.
bool print_gaps(const std::vector<postgres::EventGap>& gaps) {
  for (const auto& gap : gaps) {
    if (gap.last >= gap.first) std::cout << "events " << gap.first << " to " << gap.last << " are missing\n";
    else std::cout << "events " << gap.last + 1 << " to " << gap.first - 1 << " are there twice\n";
  }
  return gaps.empty();
}

/// True: it adds up.
bool audit_sale(postgres::Session& session, const Sale& sale) {
  const auto found = postgres::audit_events_of_sale(session, sale.sale_no);
  if (!found) {
    static_cast<void>(cannot("audit of " + sale.id + " cannot tell", found.error()));
    return false;
  }
  std::cout << sale.id << ": " << found->orders << " orders, ";
  if (found->wrong == 0 && found->untold == 0) std::cout << "all told\n";
  else if (found->wrong == 0) std::cout << found->untold << " without an event that is kept, the others told\n";
  else std::cout << found->wrong << " whose events do not tell their history\n";
  for (const auto& order : found->examples) {
    std::cout << "  " << order.order_id << ": " << order.changes << " changes, " << order.events << " events";
    if (order.events > 0) std::cout << ", from " << order.first << " to " << order.last;
    std::cout << '\n';
  }
  return found->wrong == 0;
}

int audit_sales(postgres::Session& session, const Settings& settings, const std::string& sale_id, bool is_whole) {
  std::int32_t after = 0;
  for (;;) {
    const auto sales = postgres::list_sales(session, after, kSalesPage);
    if (!sales) return cannot("audit cannot tell", sales.error());
    if (sales->empty()) return is_whole ? 0 : 1;
    for (const auto& sale : *sales) {
      if (!sale_id.empty() && sale.id != sale_id) continue;
      if (sale.rehearsal && !settings.events.rehearsals) continue;
      is_whole = audit_sale(session, sale) && is_whole;
    }
    after = sales->back().sale_no;
  }
}

int print_sinks(postgres::Session& session) {
  const auto line = postgres::find_event_line(session);
  const auto sinks = postgres::list_event_sinks(session);
  if (!line || !sinks) return cannot("cannot tell of sinks", line ? sinks.error() : line.error());
  const auto lags = postgres::list_sink_lags(session);
  if (!lags) return cannot("cannot tell of sinks", lags.error());
  std::cout << "events " << line->gone_until + 1 << " to " << line->last_position << " are kept\n";
  for (const auto& sink : *sinks) {
    const auto lag = std::ranges::find(*lags, sink.name, &postgres::SinkLag::name);
    const auto waiting = lag == lags->end() ? line->last_position - sink.position : lag->events;
    std::cout << sink.name << ": told up to " << sink.position << ", " << waiting << " wait"
              << (sink.is_active ? "" : ", not active");
    if (sink.failing_since) std::cout << ", failing since " << format_rfc3339(*sink.failing_since);
    if (!sink.last_error.empty()) std::cout << ": " << sink.last_error;
    std::cout << '\n';
  }
  return 0;
}

int audit(postgres::Session& session, const Settings& settings, const std::string& sale_id) {
  if (!sale_id.empty()) {
    const auto sale = postgres::find_sale(session, sale_id);
    if (!sale) return cannot("audit cannot tell", sale.error());
    if (!*sale) {
      std::cerr << "flashsaled: there is no sale " << sale_id << '\n';
      return 1;
    }
  }
  const auto gaps = postgres::find_event_gaps(session);
  if (!gaps) return cannot("audit cannot tell", gaps.error());
  const bool is_whole = print_gaps(*gaps);
  const int status = audit_sales(session, settings, sale_id, is_whole);
  const int sinks = print_sinks(session);
  return status != 0 ? status : sinks;
}

// --- replay, forget --------------------------------------------------------------------------------------------------

/// Empty: the reason is on stderr.
std::optional<std::int64_t> first_of_sale(postgres::Session& session, const std::string& sale_id) {
  const auto sale = postgres::find_sale(session, sale_id);
  if (!sale || !*sale) {
    if (sale) std::cerr << "flashsaled: there is no sale " << sale_id << '\n';
    else static_cast<void>(cannot("replay", sale.error()));
    return std::nullopt;
  }
  const auto first = postgres::first_event_of_sale(session, (*sale)->sale_no);
  if (first && *first > 0) return *first;
  if (!first) static_cast<void>(cannot("replay", first.error()));
  else std::cerr << "flashsaled: no event of " << sale_id << " is kept\n";
  return std::nullopt;
}

int replay(postgres::Session& session, const CommandLine& line, const std::string& sink) {
  const auto from = line.from_position ? line.from_position : first_of_sale(session, line.sale_id);
  if (!from) return 1;
  const auto ends = postgres::find_event_line(session);
  if (!ends) return cannot("replay", ends.error());
  if (*from <= ends->gone_until || *from > ends->last_position + 1) {
    std::cerr << "flashsaled: only events " << ends->gone_until + 1 << " to " << ends->last_position << " are kept\n";
    return 1;
  }
  const auto moved = postgres::move_event_sink(session, sink, *from - 1);
  if (!moved) return cannot("replay", moved.error());
  if (!*moved) std::cerr << "flashsaled: there is no sink " << sink << "; flashsaled events sinks lists them\n";
  else std::cout << sink << " is told again from " << *from << " on\n";
  return *moved ? 0 : 1;
}

/// That of a webhook may be given as its id.
std::string sink_of(const CommandLine& line) {
  return line.sink.starts_with("wh_") ? postgres::webhook_sink_name(line.sink) : line.sink;
}

int forget(postgres::Session& session, const std::string& sink) {
  const auto forgotten = postgres::forget_event_sink(session, sink);
  if (!forgotten) return cannot("forget", forgotten.error());
  if (!*forgotten) std::cerr << "flashsaled: there is no sink " << sink << "; flashsaled events sinks lists them\n";
  else std::cout << sink << " is forgotten: should it still be set up, it is told of what comes from now on\n";
  return *forgotten ? 0 : 1;
}

// --- snapshot --------------------------------------------------------------------------------------------------------

events::Event event_of_now(const postgres::OrderNow& now, const Sale& sale, std::int64_t position) {
  postgres::EventRow row;
  row.position = position;
  row.type = event_of(now.order.status);
  row.at = now.changed_at;
  row.change_no = now.change_no;
  row.order = now.order;
  row.order_id = now.order.id;
  return events::render(row, &sale);
}

int snapshot(postgres::Session& session, const Settings& settings, const std::string& sale_id) {
  const auto sale = postgres::find_sale(session, sale_id);
  if (!sale) return cannot("snapshot", sale.error());
  if (!*sale) {
    std::cerr << "flashsaled: there is no sale " << sale_id << '\n';
    return 1;
  }
  // Read first: what happens meanwhile has events behind it.
  const auto line = postgres::find_event_line(session);
  if (!line) return cannot("snapshot", line.error());
  OrderId after;
  for (;;) {
    const auto orders = postgres::read_orders_now(session, (*sale)->sale_no, after, kOrdersPage);
    if (!orders) return cannot("snapshot", orders.error());
    if (orders->empty()) return std::cout.flush() ? 0 : 1;
    std::string text;
    for (const auto& order : *orders) {
      events::append_cloud_event(text, event_of_now(order, **sale, line->last_position), settings.events.source);
      text += '\n';
    }
    std::cout << text;
    after = orders->back().order.id;
  }
}

}  // namespace

int run_events(const Settings& settings, const CommandLine& line) {
  postgres::Session session(postgres_options(settings), "events-command");
  switch (line.events_action) {
    case EventsAction::audit: return audit(session, settings, line.sale_id);
    case EventsAction::sinks: return print_sinks(session);
    case EventsAction::replay: return replay(session, line, sink_of(line));
    case EventsAction::forget: return forget(session, sink_of(line));
    case EventsAction::snapshot: return snapshot(session, settings, line.sale_id);
  }
  return 1;
}

}  // namespace flashsale::app
