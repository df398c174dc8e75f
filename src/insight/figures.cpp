#include "flashsale/insight/figures.hpp"

#include <algorithm>
#include <vector>

namespace flashsale::insight {
namespace {

constexpr std::int64_t kRateSeconds = 60;
/// Currencies for which there is a series of others besides; those that are still more are one.
constexpr std::size_t kOtherSeriesMax = 64;

/// Each series that an order counts in, once: its sale and its items, in each currency.
std::map<SeriesKey, Amounts> amounts_of(const FeedEvent& event) {
  std::map<SeriesKey, Amounts> amounts;
  for (const auto& line : event.lines) {
    const Amounts more{0, line.units, line.units * line.unit_price.amount};
    amounts[{event.sale_id, "", line.unit_price.currency}] += more;
    amounts[{event.sale_id, line.sku, line.unit_price.currency}] += more;
  }
  for (auto& [key, amount] : amounts) amount.orders = 1;
  return amounts;
}

WindowFigures window_figures(const FeedEvent& event, OrderStatus after, const Amounts& amounts) {
  WindowFigures figures;
  const bool is_first = event.change_no == 1;
  if (is_first && is_live(after)) figures.placed = amounts;
  if (after == OrderStatus::confirmed) figures.confirmed = amounts;
  if (after == OrderStatus::cancelled) figures.cancelled = amounts;
  const bool comes_back = after == OrderStatus::cancelled || after == OrderStatus::expired;
  if (comes_back && !is_first) figures.returned_units = amounts.units;
  return figures;
}

}  // namespace

std::int64_t Totals::taken_units() const {
  std::int64_t units = 0;
  for (const auto& [status, amounts] : by_status) units += is_live(status) ? amounts.units : 0;
  return units;
}

Figures::Figures(const Limits& limits)
    : limits_(limits),
      windows_(limits.window_cells_max),
      buyers_(limits.buyers_max),
      origins_(limits.origin_pairs_max),
      orders_(limits.orders_max) {}

void Figures::begin_after(std::int64_t position) { position_ = begun_after_ = position; }

void Figures::take(const FeedPage& page) {
  counts_.unreadable += static_cast<std::int64_t>(page.unreadable);
  if (!begun_after_) begun_after_ = page.events.empty() ? page.next_after : page.events.front().position - 1;
  for (const auto& event : page.events) take(event);
  position_ = std::max(position_.value_or(0), page.next_after);
}

void Figures::take(const FeedEvent& event) {
  if (!begun_after_) begun_after_ = event.position - 1;
  if (event.position <= position_.value_or(0)) {
    ++counts_.repeated;
    return;
  }
  position_ = event.position;
  ++counts_.events;
  if (event.is_rehearsal) ++counts_.rehearsed;
  else if (event.type == EventType::order_refund_required) ++counts_.refunds;
  else if (is_of_an_order(event.type)) take_order(event);
  else if (is_of_a_sale(event.type)) take_sale(event);
  else if (event.type == EventType::customer_erased) take_erasure(event);
}

void Figures::take_erasure(const FeedEvent& event) {
  buyers_.rename(event.customer_id, event.pseudonym);
  origins_.rename(event.customer_id, event.pseudonym);
}

void Figures::take_order(const FeedEvent& event) {
  if (event.lines.empty()) {
    ++counts_.unknown;
    return;
  }
  const auto after = static_cast<OrderStatus>(event.type);
  const auto before = status_before(event, after);
  remember_or_forget(event.subject, before, after);
  bool is_in_time = true;
  for (const auto& [key, amounts] : amounts_of(event)) {
    auto& totals = totals_of(key, event.position);
    if (before) totals.by_status[*before] -= amounts;
    totals.by_status[after] += amounts;
    is_in_time = windows_.add(event.at, key, window_figures(event, after, amounts)) && is_in_time;
    if (after == OrderStatus::confirmed && key.sku.empty()) buyers_.add(event.customer_id, amounts.units);
  }
  if (!is_in_time) ++counts_.late;
  if (!is_live(after)) return;
  // Each is in one event of an order that has its units: the address in its first, the card where it was paid.
  origins_.add(event.at, OriginKind::address, event.client_hash, event.customer_id);
  origins_.add(event.at, OriginKind::card, event.card_hash, event.customer_id);
}

void Figures::take_sale(const FeedEvent& event) {
  for (const auto& item : event.stock)
    totals_of({event.sale_id, item.sku, item.currency}, event.position).stock = item.units;
}

std::optional<OrderStatus> Figures::status_before(const FeedEvent& event, OrderStatus after) {
  if (const auto remembered = orders_.find(event.subject)) return remembered;
  if (event.change_no == 1) return std::nullopt;
  // Of all that can be cancelled only what is bought is not remembered, as long as there was room.
  const bool is_known = after == OrderStatus::cancelled && is_whole() && !orders_.has_lost_unpaid();
  if (!is_known) ++counts_.unknown;
  return after == OrderStatus::cancelled ? std::optional(OrderStatus::confirmed) : std::nullopt;
}

/// Remembered is what awaits payment, and what may still be bought after it has ended: by a late payment, or by its
/// key.
void Figures::remember_or_forget(const std::string& order_id, std::optional<OrderStatus> before, OrderStatus after) {
  const bool was_unpaid = before == OrderStatus::awaiting_payment;
  const bool is_settled = after == OrderStatus::confirmed || (after == OrderStatus::cancelled && !was_unpaid);
  if (is_settled) orders_.forget(order_id);
  else orders_.remember(order_id, after);
}

Totals& Figures::totals_of(const SeriesKey& key, std::int64_t position) {
  auto found = series_.find(key);
  if (found == series_.end()) {
    if (series_.size() >= limits_.series_max) make_room();
    found = series_.try_emplace(key).first;
  }
  found->second.touched_at = position;
  return found->second;
}

/// The sale of which nothing was heard for longest joins the others.
void Figures::make_room() {
  std::map<std::string, std::int64_t> touched_at;
  for (const auto& [key, totals] : series_) {
    auto& last = touched_at[key.sale_id];
    last = std::max(last, totals.touched_at);
  }
  touched_at.erase(kOthers);
  if (touched_at.empty()) return;
  const auto oldest = std::ranges::min_element(touched_at, {}, [](const auto& sale) { return sale.second; })->first;
  std::vector<decltype(series_)::node_type> leaving;
  for (auto at = series_.lower_bound({oldest, "", ""}); at != series_.end() && at->first.sale_id == oldest;)
    leaving.push_back(series_.extract(at++));
  for (auto& node : leaving) {
    SeriesKey others{kOthers, node.key().sku.empty() ? "" : kOthers, node.key().currency};
    const auto room = limits_.series_max + kOtherSeriesMax;
    if (!series_.contains(others) && series_.size() >= room) others.currency = kOthers;
    auto& totals = series_[others];
    for (const auto& [status, amounts] : node.mapped().by_status) totals.by_status[status] += amounts;
  }
}

std::optional<SellOut> Figures::sell_out(const SeriesKey& item, TimePoint now) const {
  const auto found = series_.find(item);
  if (found == series_.end() || !found->second.stock) return std::nullopt;
  SellOut out;
  out.remaining_units = std::max<std::int64_t>(0, *found->second.stock - found->second.taken_units());
  const auto recent = windows_.last(item, kRateSeconds, std::max(now, windows_.newest()));
  const auto taken = std::max<std::int64_t>(0, recent.placed.units - recent.returned_units);
  out.units_per_s = static_cast<double>(taken) / static_cast<double>(kRateSeconds);
  if (out.remaining_units == 0) out.within_s = 0;
  else if (taken > 0) out.within_s = (out.remaining_units * kRateSeconds + taken - 1) / taken;
  return out;
}

}  // namespace flashsale::insight
