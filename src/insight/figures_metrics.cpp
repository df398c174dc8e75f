#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <vector>

#include "flashsale/insight/report.hpp"

namespace flashsale::insight {
namespace {

using prometheus::Labels;
using prometheus::Registry;

constexpr std::size_t kSalesShown = 50;
constexpr std::size_t kItemsShown = 500;
/// So many customers behind one address or card are worth a look, the more the rather.
constexpr std::array<std::int64_t, 3> kSharedBy{2, 5, 20};

using Entry = std::pair<const SeriesKey, Totals>;

/// The last that were heard of; of sales or of items.
std::vector<const Entry*> newest(const std::map<SeriesKey, Totals>& series, bool is_of_sales, std::size_t count) {
  std::vector<const Entry*> found;
  for (const auto& entry : series) {
    if (entry.first.sku.empty() == is_of_sales) found.push_back(&entry);
  }
  std::ranges::sort(found, std::ranges::greater{}, [](const Entry* entry) { return entry->second.touched_at; });
  found.resize(std::min(found.size(), count));
  return found;
}

/// A registry that is made anew for each text, so that nothing stays of sales that are not shown any more.
class Text {
 public:
  void gauge(const char* name, const char* help, const Labels& labels, double value) {
    prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add(labels).Set(value);
  }
  void counter(const char* name, const char* help, const Labels& labels, std::int64_t value) {
    prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(labels).Increment(
        static_cast<double>(value));
  }
  [[nodiscard]] std::string serialize() const { return prometheus::TextSerializer{}.Serialize(registry_.Collect()); }

 private:
  Registry registry_{Registry::InsertBehavior::Merge};
};

double seconds_of(TimePoint at) { return static_cast<double>(to_unix_us(at)) / 1e6; }

void add_reading(Text& text, const Figures& figures, const Reading& reading) {
  text.gauge("flashsale_insight_position", "Position up to which events are counted.", {},
             static_cast<double>(figures.position().value_or(0)));
  text.gauge("flashsale_insight_answered_timestamp_seconds", "When the feed has answered last.", {},
             seconds_of(reading.answered_at));
  text.counter("flashsale_insight_failures_total", "Times that the feed has not answered, or with an error.", {},
               reading.failures);
  const auto& counts = figures.counts();
  const std::pair<const char*, std::int64_t> outcomes[] = {
      {"read", counts.events},           {"repeated", counts.repeated},   {"late", counts.late},
      {"unreadable", counts.unreadable}, {"rehearsed", counts.rehearsed}, {"unknown", counts.unknown}};
  for (const auto& [outcome, count] : outcomes)
    text.counter("flashsale_insight_events_total", "Events of the feed, by what became of them.",
                 {{"outcome", outcome}}, count);
}

void add_recent(Text& text, const Labels& sale, const WindowFigures& recent, std::int64_t seconds) {
  auto labels = sale;
  labels["seconds"] = std::to_string(seconds);
  const auto show = [&](const char* name, const char* help, std::int64_t value) {
    text.gauge(name, help, labels, static_cast<double>(value));
  };
  show("flashsale_insight_recent_orders", "Orders that were bought within the last seconds.", recent.confirmed.orders);
  show("flashsale_insight_recent_revenue", "What they cost, in minor units.", recent.confirmed.amount);
  show("flashsale_insight_recent_cancelled_orders", "Orders that were cancelled within the last seconds.",
       recent.cancelled.orders);
}

void add_sale(Text& text, const Figures& figures, const SeriesKey& key, const Totals& totals, TimePoint until) {
  const Labels sale{{"sale", key.sale_id}, {"currency", key.currency}};
  for (const auto& [status, amounts] : totals.by_status) {
    auto labels = sale;
    labels["status"] = std::string(to_string(status));
    text.gauge("flashsale_insight_orders", "Orders by the status that they have.", labels,
               static_cast<double>(amounts.orders));
    text.gauge("flashsale_insight_revenue", "What they cost, in minor units.", labels,
               static_cast<double>(amounts.amount));
  }
  for (const auto& [seconds, kept] : Windows::kWidths)
    add_recent(text, sale, figures.windows().last(key, seconds, until), seconds);
}

void add_item(Text& text, const Figures& figures, const SeriesKey& key, const Totals& totals, TimePoint until) {
  const Labels item{{"sale", key.sale_id}, {"sku", key.sku}, {"currency", key.currency}};
  text.gauge("flashsale_insight_taken_units", "Units of live orders.", item, static_cast<double>(totals.taken_units()));
  const auto sell_out = figures.sell_out(key, until);
  if (!sell_out) return;
  text.gauge("flashsale_insight_remaining_units", "Units that can still be bought.", item,
             static_cast<double>(sell_out->remaining_units));
  text.gauge("flashsale_insight_units_per_second", "Units taken, less what came back, over the last minute.", item,
             sell_out->units_per_s);
  if (sell_out->within_s)
    text.gauge("flashsale_insight_sold_out_seconds", "Until nothing would be left if it went on like this.", item,
               static_cast<double>(*sell_out->within_s));
}

void add_origins(Text& text, const SharedOrigins& origins, TimePoint until) {
  for (std::size_t i = 0; i < kOriginKinds.size(); ++i) {
    const auto kind = static_cast<OriginKind>(i);
    Labels labels{{"origin", std::string(kOriginKinds[i])}};
    text.gauge("flashsale_insight_origin_customers_max",
               "Most customers of one address, or of one card, in this hour or the one before.", labels,
               static_cast<double>(origins.customers_max(kind, until)));
    for (const auto customers : kSharedBy) {
      labels["customers"] = std::to_string(customers);
      text.gauge("flashsale_insight_shared_origins",
                 "Addresses, or cards, of at least so many customers, in this hour or the one before.", labels,
                 static_cast<double>(origins.count_shared(kind, customers, until)));
    }
  }
}

}  // namespace

std::string figures_metrics(const Figures& figures, const Reading& reading, TimePoint now) {
  Text text;
  add_reading(text, figures, reading);
  const auto until = std::max(now, figures.windows().newest());
  for (const auto* entry : newest(figures.series(), true, kSalesShown))
    add_sale(text, figures, entry->first, entry->second, until);
  for (const auto* entry : newest(figures.series(), false, kItemsShown))
    add_item(text, figures, entry->first, entry->second, until);
  add_origins(text, figures.origins(), until);
  return text.serialize();
}

}  // namespace flashsale::insight
