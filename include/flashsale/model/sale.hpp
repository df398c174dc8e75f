#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/money.hpp"
#include "flashsale/model/order_line.hpp"
#include "flashsale/model/time.hpp"

namespace flashsale {

/// What a merchant has set. `scheduled` opens by the clock; `open` sells until `ends_at` whatever `starts_at` says;
/// `paused` sells nothing until set to `open` or `scheduled` again; `closed` is for good.
enum class SaleState : std::uint8_t { scheduled = 0, open = 1, paused = 2, closed = 3 };

[[nodiscard]] std::string_view to_string(SaleState state);
[[nodiscard]] std::optional<SaleState> parse_sale_state(std::string_view text);

enum class PaymentMode : std::uint8_t { none = 0, required = 1 };

[[nodiscard]] std::string_view to_string(PaymentMode mode);
[[nodiscard]] std::optional<PaymentMode> parse_payment_mode(std::string_view text);

/// Until when a buyer may cancel an order: until it is paid (one that nothing is due for is paid at once), until its
/// sale is over, or never. Numbers are stored in PostgreSQL (sales.cancellation): never renumber.
enum class CancellableUntil : std::uint8_t { paid = 0, closed = 1, never = 2 };

[[nodiscard]] std::string_view to_string(CancellableUntil until);
[[nodiscard]] std::optional<CancellableUntil> parse_cancellable_until(std::string_view text);

struct QueueSettings {
  bool enabled = false;
  std::int32_t rate_per_s = 500;
  std::int32_t prequeue_s = 600;

  bool operator==(const QueueSettings&) const = default;
};

struct Item {
  std::int32_t item_no = 0;  ///< key inside the stores, unique over all sales
  std::string sku;
  std::string name;
  Money price;
  std::int64_t stock = 0;               ///< units offered in all
  std::int64_t sold = 0;                ///< units of live orders in PostgreSQL
  std::int32_t limit_per_customer = 0;  ///< live units; 0: no limit
  std::int64_t stock_version = 0;       ///< number of the last stock change (PROTOCOL R12)
};

/// Orders that one customer may place in a sale that does not say.
inline constexpr std::int32_t kOrdersPerCustomer = 100;

struct Sale {
  std::int32_t sale_no = 0;  ///< key inside the stores
  std::string id;
  std::string name;
  SaleState state = SaleState::scheduled;
  bool is_draft = false;  ///< not public, whatever its state
  TimePoint starts_at{};
  TimePoint ends_at{};
  PaymentMode payment = PaymentMode::none;
  std::int32_t payment_window_s = 600;
  std::int32_t max_orders_per_customer = kOrdersPerCustomer;  ///< ended ones count
  std::int32_t max_quantity_per_order = kMaxOrderQuantity;    ///< units of all its lines
  std::int32_t payment_attempts = 3;                          ///< declined ones, within the window, that end an order
  CancellableUntil cancellation = CancellableUntil::closed;
  QueueSettings queue;
  bool rehearsal = false;    ///< everything works and nothing is meant: no event leaves, all of it can be undone
  bool let_go = false;       ///< closed and settled: Redis has nothing of it any more
  bool archived = false;     ///< orders of it may stand in the archive
  std::int64_t version = 1;  ///< grows with every change of the definition (not of stock)
  std::int64_t epoch = 0;    ///< fence against lost Redis state (PROTOCOL R1); 0: never published
  TimePoint created_at{};
  std::vector<Item> items;  ///< in the order of item_no

  [[nodiscard]] const Item* find_item(std::string_view sku) const;
  [[nodiscard]] const Item* find_item(std::int32_t item_no) const;
};

/// The state that a buyer meets at `now`: `scheduled` has become `open` or `closed` by the clock.
[[nodiscard]] SaleState effective_state(SaleState state, TimePoint starts_at, TimePoint ends_at, TimePoint now);

}  // namespace flashsale
