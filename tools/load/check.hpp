#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buyers.hpp"
#include "flashsale/model/order.hpp"
#include "observations.hpp"

namespace flashsale::load {

/// What the check takes for granted.
struct Expectation {
  std::string sale_id;
  SaleIdentity sale;
  std::string run_mark;
  struct Item {
    std::string sku;
    std::int64_t limit_per_customer = 0;  ///< 0: none
  };
  std::vector<Item> items;
  bool is_own_sale = false;    ///< nobody else has bought in it
  bool is_to_be_paid = false;  ///< its orders have to be paid in time
  /// Redis may have lost what it had: an order that was only accepted need not be there (P3).
  bool redis_may_be_lost = false;
  /// A proxy asks the next instance when one fails: its last answer does not say what the first one did.
  bool is_behind_proxy = false;
};

/// A row of the view order_units: a line of an order.
struct StoredOrder {
  static constexpr std::uint64_t kStranger = std::uint64_t{1} << 63;  ///< no buyer of ours; the rest is a hash
  static constexpr std::uint16_t kUnknownItem = 0xffff;

  OrderId id;
  std::uint64_t customer = 0;  ///< the buyer's number
  std::int32_t quantity = 0;
  std::uint16_t item = kUnknownItem;  ///< index in Expectation::items
  OrderStatus status = OrderStatus::pending;
  bool refund_required = false;
};

/// A row of the view item_stock, in the order of Expectation::items.
struct StoredItem {
  std::string sku;
  std::int64_t stock = 0;
  std::int64_t sold = 0;
};

struct Audit {
  bool is_consistent = false;
  struct Item {
    std::string sku;
    std::int64_t stock = 0;
    std::int64_t sold = 0;
    std::int64_t remaining = 0;
    std::int64_t pending = 0;
    std::int64_t live_units = 0;
    bool is_consistent = false;
    bool operator==(const Item&) const = default;
  };
  std::vector<Item> items;
  bool operator==(const Audit&) const = default;
};
/// Empty when the text is no audit.
[[nodiscard]] std::optional<Audit> parse_audit(std::string_view json);

/// What can be wrong. Each has a test that plants it.
enum class Lie : std::uint8_t {
  created_without_row,    ///< 201 or 200, and no row
  accepted_without_row,   ///< 202, everything has settled, and no row
  created_not_live,       ///< 201, and the row is final though nobody cancelled
  created_again,          ///< a second 201 where 200 was due
  two_ids_for_one_key,    ///< an answer carried another id than this key's
  answer_without_order,   ///< a success whose body is no order
  row_twice,              ///< one id, two rows of one SKU
  other_lines,            ///< the rows' SKUs or quantities are not the request's, or they disagree on the status
  row_nobody_ordered,     ///< in a sale of the run's own
  refused_with_live_row,  ///< every answer was a refusal, and the order is live
  refused_after_order,    ///< 409 for a key whose order was known
  order_gone,             ///< 404 for an order that has a row
  cancelled_but_live,     ///< 200 to the cancellation, and the row is live
  customer_above_limit,
  units_above_stock,
  sold_is_not_live_units,  ///< item_stock's counter and the rows disagree
  audit_unreadable,
  audit_inconsistent,
  audit_disagrees,  ///< the audit's numbers are not PostgreSQL's, or do not add up

  // Where orders have to be paid.
  unpaid_not_ended,    ///< still awaiting payment, though its time is over
  confirmed_unpaid,    ///< no payment has confirmed it
  paid_not_confirmed,  ///< the provider heard `confirmed`, and the order is neither that nor cancelled by its buyer
  failed_not_ended,    ///< the provider heard `failed`, and the order is not cancelled
  money_kept_without_unit,  ///< a payment of an order that is not confirmed, and no refund
  paid_twice_not_refunded,  ///< a confirmed order that keeps more than one payment
  refunded_but_confirmed,   ///< a confirmed order that keeps none
  refunded_twice,           ///< two refunds of one payment
  refund_of_nothing,        ///< a refund of what nobody paid
  refund_not_marked,        ///< the order's mark and the outbox disagree
  payment_open,             ///< a message that nothing has become of
  payment_forgotten,        ///< answered 200, and not stored
  payment_changed,          ///< it has come to something else than its answer said
};
inline constexpr std::size_t kLies = 32;
[[nodiscard]] std::string_view to_string(Lie lie);

struct Verdict {
  static constexpr std::size_t kSamplesMax = 5;
  struct Finding {
    std::uint64_t count = 0;
    std::vector<std::string> samples;
  };
  std::array<Finding, kLies> findings;
  std::uint64_t keys = 0;
  std::uint64_t keys_with_order = 0;
  std::uint64_t keys_unknown = 0;  ///< no answer told whether there is an order; the row may be there or not
  std::uint64_t rows = 0;

  void find(Lie lie, const std::string& what);
  [[nodiscard]] const Finding& operator[](Lie lie) const { return findings[static_cast<std::size_t>(lie)]; }
  [[nodiscard]] bool passed() const;
};

/// Holds what the buyers saw against PostgreSQL and the audit, read after everything has settled. Sorts both lists.
[[nodiscard]] Verdict check(const Expectation& expectation, std::vector<KeyRecord>& keys,
                            std::vector<StoredOrder>& orders, const std::vector<StoredItem>& stock,
                            const std::optional<Audit>& audit);

}  // namespace flashsale::load
