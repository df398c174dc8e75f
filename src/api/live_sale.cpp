#include "live_sale.hpp"

#include <algorithm>
#include <string>

#include "flashsale/model/json_members.hpp"

namespace flashsale::api {
namespace {

/// So long one text of the state serves whoever comes: what it says of the moment is wrong by no more.
constexpr std::chrono::milliseconds kStateLife{20};
/// Who was told of so many versions back is told of all items.
constexpr std::size_t kFramesMax = 16;

std::string event(std::string_view type, std::string_view data) {
  return std::string("event: ").append(type).append("\ndata: ").append(data).append("\n\n");
}

}  // namespace

void LiveSale::look(const catalog::SaleSnapshot& sale, ShownStock shown, catalog::SteadyTime now) {
  const auto earliest = sale.clock.earliest(now);
  const auto state = shown_state(*sale.sale, earliest);
  const bool is_same = sale_ && state == state_ && sale.sale->starts_at == sale_->starts_at &&
                       sale.sale->ends_at == sale_->ends_at && sale.sale->name == sale_->name;
  if (!is_same) {
    ++state_version_;
    state_frame_ = nullptr;
  }
  if (shown != shown_) items_.clear();
  shown_ = shown;
  state_ = state;
  clock_ = sale.clock;
  sale_ = sale.sale;
  look_at_items(sale, earliest);
}

void LiveSale::look_at_items(const catalog::SaleSnapshot& sale, TimePoint earliest) {
  const auto next = stock_version_ + 1;
  items_.resize(sale.sale->items.size());
  for (std::size_t i = 0; i < items_.size(); ++i) {
    auto level = shown_level(sale, i, earliest);
    if (shown_ == ShownStock::availability) level.remaining = 0;
    const auto item_no = sale.sale->items[i].item_no;
    auto& seen = items_[i];
    if (seen.changed_at > 0 && seen.item_no == item_no && seen.level == level) continue;
    seen = {item_no, level, next};
    stock_version_ = next;
  }
  if (stock_version_ == next) made_.clear();
}

Frame LiveSale::stock_since(std::uint64_t version) {
  const auto known = std::ranges::find(made_, version, &std::pair<std::uint64_t, Frame>::first);
  if (known != made_.end()) return known->second;
  if (made_.size() >= kFramesMax && version != 0) return stock_since(0);
  std::string data = "{";
  append_text(data, "sale_id", sale_->id);
  append_member(data, "items");
  data += '[';
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const auto& seen = items_[i];
    if (seen.changed_at <= version) continue;
    if (data.back() == '}') data += ',';
    data += '{';
    append_text(data, "sku", sale_->items[i].sku);
    if (shown_ == ShownStock::counts) append_number(data, "remaining", seen.level.remaining);
    append_text(data, "availability", seen.level.availability);
    data += '}';
  }
  data += "]}";
  return made_.emplace_back(version, make_frame(event("stock", data))).second;
}

Frame LiveSale::state(catalog::SteadyTime now) {
  if (state_frame_ && now - state_made_at_ < kStateLife) return state_frame_;
  std::string data = "{";
  append_text(data, "sale_id", sale_->id);
  append_text(data, "name", sale_->name);
  append_text(data, "state", state_);
  append_time(data, "starts_at", sale_->starts_at);
  append_time(data, "ends_at", sale_->ends_at);
  append_time(data, "now", clock_.earliest(now));
  data += '}';
  state_made_at_ = now;
  state_frame_ = make_frame(event("state", data));
  return state_frame_;
}

}  // namespace flashsale::api
