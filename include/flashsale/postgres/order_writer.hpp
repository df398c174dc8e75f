#pragma once
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/postgres/write_result.hpp"
#include "flashsale/telemetry/trace_context.hpp"

namespace flashsale::postgres {

/// An order that Redis has accepted and PostgreSQL is to have the last word on.
struct NewOrder {
  Order order;             ///< id, item, customer, quantity, created_at; status is what it becomes when it is taken
  std::int64_t epoch = 0;  ///< the epoch under which Redis accepted it
  telemetry::TraceContext trace{};  ///< of the request that placed it; none while tracing is off
  std::string client_hash{};        ///< of who sent it, as identity::OriginHasher gives it; empty: not told
};

/// A session's name tells a writer from everything else that is connected: see end_stalled_writers().
inline constexpr std::string_view kWriterSessionPrefix = "journal-";

/// How rows are looked at. A hot row is locked most of the time, but each time by another batch, and free in between.
enum class Look : std::uint8_t {
  once,     ///< what was held before
  patient,  ///< held through a third of a second: longer than a batch takes
};

/// How a batch of new orders is written: COPY and UPDATE are the cheapest on one server; on a distributed one (Citus) a
/// function that runs on the worker that holds the sale, since COPY commits in two phases there.
enum class BatchWrite : std::uint8_t { by_kind_of_server, by_function };

/// Writes batches of orders, each of one sale and in one transaction (PROTOCOL R1, R4, R5, R7, R13). One thread.
class OrderWriter {
 public:
  OrderWriter(Options options, std::string name, BatchWrite how = BatchWrite::by_kind_of_server);

  /// Results stand in the order of `orders`; ids inside a batch must be distinct and of one
  /// sale (asserted). With `may_exist` the
  /// cheap COPY is not tried first. On an error nothing is known of any order of the batch: hand the whole batch
  /// in again, with `may_exist`, until it succeeds (R5: only inserting again resolves an unknown COMMIT).
  [[nodiscard]] Result<std::vector<WriteResult>> write(std::span<const NewOrder> orders, bool may_exist);

  /// Those of the items of a sale whose rows somebody keeps locked: an order of theirs cannot be written at the moment.
  [[nodiscard]] Result<std::set<std::int32_t>> find_held_items(std::int32_t sale_no, std::set<std::int32_t> item_nos,
                                                               Look look);
  /// Those of the orders of a sale whose own rows somebody keeps locked.
  [[nodiscard]] Result<std::set<OrderId>> find_held_orders(std::int32_t sale_no, std::set<OrderId> ids, Look look);

 private:
  [[nodiscard]] Error write_all(std::span<const NewOrder> orders, bool may_exist, std::vector<WriteResult>& results);
  void keep_statistics();

  /// Looks at what the planner knows of the orders come after so many rows of a writer.
  static constexpr std::size_t kRowsBetweenLooks = 2000;
  /// While a look did not help, each comes after twice as many, up to this.
  static constexpr std::size_t kRowsBetweenLooksMax = 256 * kRowsBetweenLooks;

  bool by_function_;
  Session session_;
  std::size_t rows_since_look_ = 0;
  std::size_t rows_between_looks_ = kRowsBetweenLooks;
};

}  // namespace flashsale::postgres
