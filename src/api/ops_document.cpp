#include "ops_document.hpp"

#include <algorithm>
#include <cstdint>
#include <tuple>

#include "documents.hpp"
#include "flashsale/model/json_members.hpp"
#include "flashsale/model/json_text.hpp"
#include "forecast_document.hpp"

namespace flashsale::api {
namespace {

using checkout::kPlacementOutcomes;

constexpr int kDigits = 2;

void append_decimal(std::string& out, std::string_view name, std::optional<double> value) {
  flashsale::append_decimal(out, name, value, kDigits);
}

void append_bool(std::string& out, std::string_view name, bool value) {
  append_member(out, name);
  out += value ? "true" : "false";
}

/// What passed since the look before; without one, nothing is known.
class Window {
 public:
  Window(const std::optional<OpsReading>& before, const OpsReading& now)
      : before_(before ? &*before : nullptr),
        seconds_(before ? std::chrono::duration<double>(now.taken_at - before->taken_at).count() : 0) {}

  [[nodiscard]] const OpsReading* before() const { return before_; }
  [[nodiscard]] std::optional<double> seconds() const { return before_ ? std::optional(seconds_) : std::nullopt; }
  [[nodiscard]] std::optional<double> rate(double before, double now) const {
    if (before_ == nullptr) return std::nullopt;
    return rate_a_second(before, now, seconds_);
  }

 private:
  const OpsReading* before_;
  double seconds_;
};

void append_latency(std::string& out, const HistogramCounts& counts) {
  const auto ms = [&](double part) {
    const auto seconds = quantile(counts, part);
    return seconds ? std::optional(*seconds * 1000) : std::nullopt;
  };
  append_member(out, "latency_ms");
  out += '{';
  append_decimal(out, "p50", ms(0.5));
  append_decimal(out, "p95", ms(0.95));
  append_decimal(out, "p99", ms(0.99));
  out += '}';
}

void append_checkouts(std::string& out, const Window& window, const OpsReading& now) {
  const auto* before = window.before();
  append_member(out, "checkouts");
  out += '{';
  const auto answered = before ? difference(before->checkout_seconds, now.checkout_seconds) : HistogramCounts{};
  append_decimal(out, "a_second", window.rate(0, static_cast<double>(answered.total())));
  append_latency(out, answered);
  append_member(out, "outcomes");
  out += '{';
  for (std::size_t i = 0; i < kPlacementOutcomes.size(); ++i) {
    append_member(out, kPlacementOutcomes[i]);
    out += '{';
    append_number(out, "total", static_cast<std::int64_t>(now.outcomes[i]));
    append_decimal(out, "a_second", window.rate(before ? before->outcomes[i] : 0, now.outcomes[i]));
    append_bool(out, "refusal", checkout::is_refusal(static_cast<checkout::PlacementOutcome>(i)));
    out += '}';
  }
  out += "}}";
}

void append_gauges(std::string& out, const OpsReading& now) {
  append_member(out, "in_flight");
  out += '{';
  append_number(out, "orders", static_cast<std::int64_t>(now.orders_in_flight));
  append_number(out, "limit", static_cast<std::int64_t>(now.orders_in_flight_limit));
  out += '}';
  append_member(out, "pending_log");
  out += '{';
  append_number(out, "entries", static_cast<std::int64_t>(now.pending_log_entries));
  append_decimal(out, "oldest_age_s", now.pending_log_oldest_age_s);
  out += '}';
  append_number(out, "connections", static_cast<std::int64_t>(now.connections));
  append_member(out, "health");
  out += '{';
  append_member(out, "failing");
  out += '[';
  for (const auto part : now.failing_parts) {
    if (out.back() != '[') out += ',';
    append_json_string(out, part);
  }
  out += ']';
  append_number(out, "pulse_age_ms", now.pulse_age.count());
  out += '}';
}

void append_events(std::string& out, const OpsReading& now) {
  append_member(out, "events");
  out += '{';
  append_bool(out, "enabled", now.has_events);
  if (now.events) append_number(out, "last_position", now.events->last_position);
  else append_member(out, "last_position"), out += "null";
  append_member(out, "sinks");
  out += '[';
  for (const auto& sink : now.events ? now.events->sinks : std::vector<postgres::EventSink>{}) {
    if (!sink.is_active) continue;
    out += out.back() == '[' ? "{" : ",{";
    append_text(out, "name", sink.name);
    append_number(out, "lag", std::max(std::int64_t{0}, now.events->last_position - sink.position));
    const auto lag = std::ranges::find(now.events->lags, sink.name, &postgres::SinkLag::name);
    append_decimal(out, "oldest_age_s", lag == now.events->lags.end() ? 0 : lag->oldest_age_s);
    append_bool(out, "failing", !sink.last_error.empty());
    out += '}';
  }
  out += "]}";
}

void append_flags(std::string& out, const FeatureFlags& flags) {
  append_member(out, "flags");
  out += '{';
  for (const auto feature : kFeatures) append_bool(out, to_string(feature), flags.is_on(feature, {}, {}));
  out += '}';
}

/// Of all instances: Redis counts them.
std::optional<double> orders_a_second(const Window& window, const catalog::SaleSnapshot& now) {
  if (window.before() == nullptr || !now.known_levels) return std::nullopt;
  const auto before = window.before()->snapshot->find(now.sale->sale_no);
  if (!before || !before->known_levels || before->sale->epoch != now.sale->epoch) return std::nullopt;
  const auto seconds = std::chrono::duration<double>(now.clock.reading - before->clock.reading).count();
  return rate_a_second(static_cast<double>(before->order_records), static_cast<double>(now.order_records), seconds);
}

/// Gives how many items are shown.
std::size_t append_items(std::string& out, const catalog::SaleSnapshot& snapshot, std::size_t items_max) {
  const auto& items = snapshot.sale->items;
  const auto shown = std::min(items_max, items.size());
  append_member(out, "items");
  out += '[';
  for (std::size_t i = 0; i < shown; ++i) {
    const auto* level = snapshot.known_levels && i < snapshot.levels.size() ? &snapshot.levels[i] : nullptr;
    if (i > 0) out += ',';
    out += '{';
    append_text(out, "sku", items[i].sku);
    append_text(out, "name", items[i].name);
    append_number(out, "stock", items[i].stock);
    append_number(out, "remaining", level ? level->remaining : items[i].stock - items[i].sold);
    append_bool(out, "held", level && level->held);
    out += '}';
  }
  out += ']';
  append_number(out, "items_left_out", static_cast<std::int64_t>(items.size() - shown));
  return shown;
}

struct Shown {
  std::vector<const catalog::SaleSnapshot*> sales;
  std::size_t left_out = 0;
};

enum class Turn : std::uint8_t { now, next, draft, over };

Turn turn_of(const Sale& sale, TimePoint now) {
  const auto state = effective_state(sale.state, sale.starts_at, sale.ends_at, now);
  if (state == SaleState::closed) return Turn::over;
  if (sale.is_draft) return Turn::draft;
  return state == SaleState::scheduled ? Turn::next : Turn::now;
}

/// What is on sale, the last that has opened first; what comes, the next one first; drafts; and what is over, the last
/// one first. Of those at one time the one that was made first, of those that are over the last. Redis has nothing of
/// the others.
Shown choose_sales(const catalog::Snapshot& snapshot, TimePoint now) {
  Shown shown;
  for (const auto& one : snapshot.sales) {
    if (!one->sale->let_go) shown.sales.push_back(one.get());
  }
  std::ranges::stable_sort(shown.sales, {}, [now](const auto* one) {
    const auto& sale = *one->sale;
    const auto turn = turn_of(sale, now);
    const auto starts_at = sale.starts_at.time_since_epoch().count();
    const auto created_at = sale.created_at.time_since_epoch().count();
    const bool is_to_come = turn == Turn::next || turn == Turn::draft;
    return std::tuple(turn, is_to_come ? starts_at : -starts_at, turn == Turn::over ? -created_at : created_at);
  });
  shown.left_out = shown.sales.size() - std::min(shown.sales.size(), kOpsSalesMax);
  shown.sales.resize(shown.sales.size() - shown.left_out);
  return shown;
}

void append_sales(std::string& out, const Window& window, const OpsReading& now) {
  const auto& snapshot = *now.snapshot;
  const auto clock = snapshot.redis_reached ? snapshot.clock.earliest(now.taken_at) : now.at;
  const auto shown = choose_sales(snapshot, clock);
  std::size_t items_left = kOpsItemsMax;
  append_member(out, "sales");
  out += '[';
  for (const auto* one : shown.sales) {
    const auto& sale = *one->sale;
    out += out.back() == '[' ? "{" : ",{";
    append_text(out, "id", sale.id);
    append_text(out, "name", sale.name);
    append_text(out, "state", merchants_state(sale, clock));
    append_time(out, "starts_at", sale.starts_at);
    append_time(out, "ends_at", sale.ends_at);
    append_bool(out, "rehearsal", sale.rehearsal);
    append_bool(out, "serving", one->serving);
    append_bool(out, "checkout", snapshot.flags->is_on(Feature::checkout, sale.id, {}));
    append_number(out, "orders", one->order_records);
    append_decimal(out, "orders_a_second", orders_a_second(window, *one));
    const auto* forecast = now.forecasts ? admin::find_forecast(*now.forecasts, sale.sale_no) : nullptr;
    append_forecast(out, "forecast", forecast, items_left);
    items_left -= append_items(out, *one, items_left);
    out += '}';
  }
  out += ']';
  append_number(out, "sales_left_out", static_cast<std::int64_t>(shown.left_out));
}

}  // namespace

std::string ops_document(const std::string& instance, const std::optional<OpsReading>& before, const OpsReading& now) {
  const Window window(before, now);
  std::string out = "{";
  append_time(out, "at", now.at);
  append_text(out, "instance", instance);
  append_decimal(out, "seconds", window.seconds());
  append_checkouts(out, window, now);
  append_gauges(out, now);
  append_events(out, now);
  append_flags(out, *now.snapshot->flags);
  append_sales(out, window, now);
  out += '}';
  return out;
}

}  // namespace flashsale::api
