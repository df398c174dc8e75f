#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/order_writer.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/postgres/write_result.hpp"
#include "flashsale/redis/order_record.hpp"

namespace flashsale::catalog {

// What an entry of a pending log asks for, and what becomes of it: values alone. The sweeper carries it out for the log
// of the epoch that is served, a rebuild for those of older epochs.

/// In which log the entry stands.
enum class LogOf : std::uint8_t {
  served_epoch,
  older_epoch,  ///< can have outlived its sale: one made again under its name has another number
};

/// Orders of one batch, each with the status that its row begins with. None: nothing is left of it.
struct WriteOrders {
  std::vector<Order> orders;
  redis::ClientHashes client_hashes{};  ///< of some of them, at least
};
/// An ended order whose units were taken again for a late payment (PROTOCOL R16).
struct ConfirmRetake {
  Order taken;
};
/// Units that a merchant takes out (PROTOCOL R12).
struct WriteWithdrawal {
  redis::WithdrawalEntry taken;
};
using PendingWork = std::variant<WriteOrders, ConfirmRetake, WriteWithdrawal>;

/// Empty: it is of another sale, in an older epoch's log.
[[nodiscard]] std::optional<PendingWork> find_pending_work(redis::PendingEntry entry, const Sale& sale, LogOf log);

/// One of its orders, as whoever accepted it would have written it, but for its trace.
[[nodiscard]] postgres::NewOrder to_write(const WriteOrders& work, Order order, std::int64_t epoch);

/// What becomes of an entry. One of several orders ends as that of them whose end stands last here.
enum class EntryEnd : std::uint8_t {
  done,       ///< has its last word from PostgreSQL: may be trimmed
  corrected,  ///< the stores disagree (PROTOCOL R11): it stays until a correction drops it with its epoch
  unsettled,  ///< stays: is tried again, or is left to whoever rebuilds the sale. In a rebuild: that has failed
};
/// Of what Redis has set aside.
enum class Release : std::uint8_t {
  nothing,
  without_units,  ///< PostgreSQL never had them
  with_units,
};
struct Verdict {
  EntryEnd end = EntryEnd::done;
  Release release = Release::nothing;

  bool operator==(const Verdict&) const = default;
};

/// By PostgreSQL's word on one of the orders of an entry that was sent to it. (A rebuild needs none: it loads whatever
/// PostgreSQL says then, and has failed if that says nothing.)
[[nodiscard]] Verdict judge(std::span<const Order> sent, const postgres::WriteResult& written);
/// On a retake, and on a withdrawal.
[[nodiscard]] Verdict judge(const Result<postgres::LateOutcome>& confirmed, LogOf log);
[[nodiscard]] Verdict judge(const Result<postgres::StockChangeResult>& withdrawn, LogOf log);

}  // namespace flashsale::catalog
