#include "check.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <tuple>

#include "buyers.hpp"

namespace flashsale::load {
namespace {

using Keys = std::span<const KeyRecord>;
using Orders = std::span<const StoredOrder>;

class Checker {
 public:
  Checker(const Expectation& expectation, Verdict& verdict)
      : expectation_(expectation), verdict_(verdict), live_units_(expectation.items.size()) {}

  void check_customer(Keys keys, Orders orders);
  void check_stock(const std::vector<StoredItem>& stock);
  void check_audit(const std::vector<StoredItem>& stock, const Audit& audit);

 private:
  void find(Lie lie, const std::string& what) { verdict_.find(lie, what); }
  void check_key(const KeyRecord& key, const OrderId& id, Orders rows);
  void check_lines(const KeyRecord& key, Orders rows, const std::string& what);
  void check_key_without_row(const KeyRecord& key, const std::string& what);
  void check_key_with_row(const KeyRecord& key, const StoredOrder& row, const std::string& what);
  void check_rows_once(Orders orders);
  void check_limit(Orders orders);
  [[nodiscard]] bool is_expected_final(const KeyRecord& key, OrderStatus status) const;
  [[nodiscard]] std::string name_of(const KeyRecord& key, const OrderId& id) const;

  const Expectation& expectation_;
  Verdict& verdict_;
  std::vector<std::int64_t> live_units_;
  std::map<std::uint16_t, std::int64_t> bought_;  ///< of one customer; kept for its memory
};

std::string Checker::name_of(const KeyRecord& key, const OrderId& id) const {
  std::string key_text;
  append_key(key_text, expectation_.run_mark, key.purchase);
  return customer_id_of(key.buyer) + ", key " + key_text + ", order " + id.to_string();
}

/// Whether 201 may have become this without anybody's wrong.
bool Checker::is_expected_final(const KeyRecord& key, OrderStatus status) const {
  if (status == OrderStatus::rejected) return false;
  if (status == OrderStatus::cancelled && (key.seen & (kSeenCancelSent | kSeenFailSent)) != 0) return true;
  // Whether it was paid is the business of check_payments.
  if (status == OrderStatus::expired && expectation_.is_to_be_paid) return true;
  return !expectation_.is_own_sale;  // somebody else's sale: its merchant may cancel, its payments may expire
}

void Checker::check_key_without_row(const KeyRecord& key, const std::string& what) {
  if ((key.seen & kSeenCommitted) != 0) {
    find(Lie::created_without_row, what);
  } else if ((key.seen & kSeenAccepted) != 0 && !expectation_.redis_may_be_lost) {
    find(Lie::accepted_without_row, what);
  }
}

void Checker::check_key_with_row(const KeyRecord& key, const StoredOrder& row, const std::string& what) {
  const bool is_row_live = is_live(row.status);
  if ((key.seen & kSeenCreated) != 0 && !is_row_live && !is_expected_final(key, row.status)) {
    find(Lie::created_not_live, what + " is " + std::string(to_string(row.status)));
  }
  if ((key.seen & kSeenCancelled) != 0 && is_row_live) find(Lie::cancelled_but_live, what);
  if ((key.seen & kSeenGone) != 0) find(Lie::order_gone, what);

  // An order that PostgreSQL had to refuse is answered as the refusal that it is, so there it is no lie.
  const bool is_order = row.status != OrderStatus::rejected;
  if (is_order && (key.seen & kSeenRefusedAfterOrder) != 0) find(Lie::refused_after_order, what);
  const bool is_only_refused =
      (key.seen & (kSeenOrder | kSeenUnknown)) == 0 && (key.seen & (kSeenRefused | kSeenShed)) != 0;
  const bool is_denied = (key.seen & kSeenOrder) == 0 && (key.seen & kSeenRefusedAtTheEnd) != 0;
  if (is_row_live && !expectation_.is_behind_proxy && (is_only_refused || is_denied)) {
    find(Lie::refused_with_live_row, what);
  }
}

/// The rows of one order are its lines, as they were asked for: a unit of each.
void Checker::check_lines(const KeyRecord& key, Orders rows, const std::string& what) {
  const std::size_t items = expectation_.items.size();
  const auto is_asked = [&](const StoredOrder& row) {
    for (unsigned line = 0; line < key.lines; ++line) {
      if (row.item == key.item_of(line, items)) return row.quantity == 1 && row.status == rows.front().status;
    }
    return false;
  };
  bool is_whole = std::all_of(rows.begin(), rows.end(), is_asked);
  for (unsigned line = 0; line < key.lines; ++line) {
    const auto item = key.item_of(line, items);
    is_whole = is_whole && std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.item == item; });
  }
  if (!is_whole) find(Lie::other_lines, what);
}

void Checker::check_key(const KeyRecord& key, const OrderId& id, Orders rows) {
  constexpr std::uint32_t kSuspect = kSeenOrder | kSeenOtherId | kSeenNoId | kSeenCreatedAgain;
  if (rows.empty() && (key.seen & kSuspect) == 0) return;  // nearly every key of a sale that is sold out
  const std::string what = name_of(key, id);
  if ((key.seen & kSeenOtherId) != 0) find(Lie::two_ids_for_one_key, what);
  if ((key.seen & kSeenNoId) != 0) find(Lie::answer_without_order, what);
  if ((key.seen & kSeenCreatedAgain) != 0) find(Lie::created_again, what);
  if (rows.empty()) return check_key_without_row(key, what);
  check_lines(key, rows, what);
  check_key_with_row(key, rows.front(), what);
}

/// `orders` are sorted by id and item.
void Checker::check_rows_once(Orders orders) {
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const StoredOrder& order = orders[i];
    const bool is_second = i > 0 && orders[i - 1].id == order.id && orders[i - 1].item == order.item;
    if (is_second) find(Lie::row_twice, "order " + order.id.to_string());
    if (order.item == StoredOrder::kUnknownItem) {
      find(Lie::other_lines, "order " + order.id.to_string() + " has an item that the sale does not have");
    } else if (is_live(order.status)) {
      live_units_[order.item] += order.quantity;
    }
  }
}

void Checker::check_limit(Orders orders) {
  bought_.clear();
  for (const StoredOrder& order : orders) {
    if (is_live(order.status) && order.item != StoredOrder::kUnknownItem) bought_[order.item] += order.quantity;
  }
  for (const auto& [item, units] : bought_) {
    const Expectation::Item& rule = expectation_.items[item];
    if (rule.limit_per_customer == 0 || units <= rule.limit_per_customer) continue;
    const bool is_ours = (orders.front().customer & StoredOrder::kStranger) == 0;
    const std::string who = is_ours ? customer_id_of(static_cast<std::uint32_t>(orders.front().customer))
                                    : std::string("the customer of order ") + orders.front().id.to_string();
    find(Lie::customer_above_limit, who + " has " + std::to_string(units) + " units of " + rule.sku);
  }
}

/// All keys and all rows of one customer.
void Checker::check_customer(Keys keys, Orders orders) {
  check_rows_once(orders);
  check_limit(orders);
  std::vector<bool> claimed(orders.size(), false);
  for (const KeyRecord& key : keys) {
    ++verdict_.keys;
    if ((key.seen & kSeenOrder) != 0) ++verdict_.keys_with_order;
    if ((key.seen & (kSeenOrder | kSeenUnknown | kSeenRefusedAtTheEnd)) == kSeenUnknown) ++verdict_.keys_unknown;
    if (orders.empty() && (key.seen & (kSeenOrder | kSeenOtherId | kSeenNoId)) == 0) continue;
    const OrderId id = expected_order_id(expectation_.sale, expectation_.run_mark, key.buyer, key.purchase);
    const auto rows = std::ranges::equal_range(orders, id, {}, &StoredOrder::id);
    const auto first = static_cast<std::size_t>(rows.begin() - orders.begin());
    for (std::size_t i = 0; i < rows.size(); ++i) claimed[first + i] = true;
    check_key(key, id, orders.subspan(first, rows.size()));
  }
  for (std::size_t i = 0; expectation_.is_own_sale && i < orders.size(); ++i) {
    const bool is_second = i > 0 && orders[i - 1].id == orders[i].id;
    if (!claimed[i] && !is_second) find(Lie::row_nobody_ordered, "order " + orders[i].id.to_string());
  }
}

void Checker::check_stock(const std::vector<StoredItem>& stock) {
  for (std::size_t i = 0; i < live_units_.size(); ++i) {
    if (i >= stock.size()) return find(Lie::sold_is_not_live_units, expectation_.items[i].sku + " has no stock row");
    const StoredItem& item = stock[i];
    const std::string units = item.sku + ": " + std::to_string(live_units_[i]) + " live units, stock " +
                              std::to_string(item.stock) + ", sold " + std::to_string(item.sold);
    if (live_units_[i] > item.stock || item.sold > item.stock) find(Lie::units_above_stock, units);
    if (live_units_[i] != item.sold) find(Lie::sold_is_not_live_units, units);
  }
}

void Checker::check_audit(const std::vector<StoredItem>& stock, const Audit& audit) {
  bool is_consistent = audit.is_consistent;
  for (const Audit::Item& item : audit.items) is_consistent = is_consistent && item.is_consistent;
  if (!is_consistent) find(Lie::audit_inconsistent, "the audit says so itself");
  for (std::size_t i = 0; i < stock.size() && i < live_units_.size(); ++i) {
    const auto item = std::find_if(audit.items.begin(), audit.items.end(),
                                   [&](const Audit::Item& one) { return one.sku == stock[i].sku; });
    if (item == audit.items.end()) {
      find(Lie::audit_disagrees, stock[i].sku + " is missing");
      continue;
    }
    const std::string numbers = item->sku + ": stock " + std::to_string(item->stock) + ", remaining " +
                                std::to_string(item->remaining) + ", pending " + std::to_string(item->pending) +
                                ", live " + std::to_string(item->live_units) + ", sold " + std::to_string(item->sold) +
                                "; PostgreSQL: stock " + std::to_string(stock[i].stock) + ", live " +
                                std::to_string(live_units_[i]) + ", sold " + std::to_string(stock[i].sold);
    const bool adds_up = item->stock == item->remaining + item->pending + item->live_units;
    const bool agrees =
        item->stock == stock[i].stock && item->live_units == live_units_[i] && item->sold == stock[i].sold;
    if (!adds_up || !agrees) find(Lie::audit_disagrees, numbers);
  }
}

template <class Container, class Customer>
auto run_of(const Container& sorted, std::size_t begin, std::uint64_t customer, Customer customer_of) {
  std::size_t end = begin;
  while (end < sorted.size() && customer_of(sorted[end]) == customer) ++end;
  return std::span(sorted).subspan(begin, end - begin);
}

}  // namespace

std::string_view to_string(Lie lie) {
  constexpr std::array<std::string_view, kLies> kNames{
      "created_without_row",     "accepted_without_row",   "created_not_live",    "created_again",
      "two_ids_for_one_key",     "answer_without_order",   "row_twice",           "other_lines",
      "row_nobody_ordered",      "refused_with_live_row",  "refused_after_order", "order_gone",
      "cancelled_but_live",      "customer_above_limit",   "units_above_stock",   "sold_is_not_live_units",
      "audit_unreadable",        "audit_inconsistent",     "audit_disagrees",     "unpaid_not_ended",
      "confirmed_unpaid",        "paid_not_confirmed",     "failed_not_ended",    "money_kept_without_unit",
      "paid_twice_not_refunded", "refunded_but_confirmed", "refunded_twice",      "refund_of_nothing",
      "refund_not_marked",       "payment_open",           "payment_forgotten",   "payment_changed"};
  return kNames[static_cast<std::size_t>(lie)];
}

void Verdict::find(Lie lie, const std::string& what) {
  Finding& finding = findings[static_cast<std::size_t>(lie)];
  ++finding.count;
  if (finding.samples.size() < kSamplesMax) finding.samples.push_back(what);
}

bool Verdict::passed() const {
  return std::all_of(findings.begin(), findings.end(), [](const Finding& finding) { return finding.count == 0; });
}

std::optional<Audit> parse_audit(std::string_view json) {
  try {
    const auto document = nlohmann::json::parse(json);
    Audit audit;
    audit.is_consistent = document.at("consistent").get<bool>();
    for (const auto& item : document.at("items")) {
      audit.items.push_back({item.at("sku").get<std::string>(), item.at("stock").get<std::int64_t>(),
                             item.at("sold").get<std::int64_t>(), item.at("remaining").get<std::int64_t>(),
                             item.at("pending").get<std::int64_t>(), item.at("live_units").get<std::int64_t>(),
                             item.at("consistent").get<bool>()});
    }
    return audit;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

Verdict check(const Expectation& expectation, std::vector<KeyRecord>& keys, std::vector<StoredOrder>& orders,
              const std::vector<StoredItem>& stock, const std::optional<Audit>& audit) {
  std::sort(keys.begin(), keys.end(), [](const KeyRecord& a, const KeyRecord& b) {
    return std::tie(a.buyer, a.purchase) < std::tie(b.buyer, b.purchase);
  });
  std::sort(orders.begin(), orders.end(), [](const StoredOrder& a, const StoredOrder& b) {
    return std::tie(a.customer, a.id, a.item) < std::tie(b.customer, b.id, b.item);
  });
  const auto buyer_of_key = [](const KeyRecord& key) { return std::uint64_t{key.buyer}; };
  const auto customer_of_order = [](const StoredOrder& order) { return order.customer; };

  Verdict verdict;
  verdict.rows = orders.size();
  Checker checker(expectation, verdict);
  for (std::size_t k = 0, o = 0; k < keys.size() || o < orders.size();) {
    const std::uint64_t customer = o == orders.size() ? keys[k].buyer
                                   : k == keys.size() ? orders[o].customer
                                                      : std::min(buyer_of_key(keys[k]), orders[o].customer);
    const Keys own_keys = run_of(keys, k, customer, buyer_of_key);
    const Orders own_orders = run_of(orders, o, customer, customer_of_order);
    checker.check_customer(own_keys, own_orders);
    k += own_keys.size();
    o += own_orders.size();
  }
  checker.check_stock(stock);
  if (audit) {
    checker.check_audit(stock, *audit);
  } else {
    verdict.find(Lie::audit_unreadable, "no audit");
  }
  return verdict;
}

}  // namespace flashsale::load
