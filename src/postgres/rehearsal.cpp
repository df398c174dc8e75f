#include "flashsale/postgres/rehearsal.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "embedded/flashsale_postgres.hpp"
#include "flashsale/model/identifier.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "row_query.hpp"
#include "sale_rows.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// Of one transaction: it must not hold up what the others wait for.
constexpr std::int32_t kRemoveAtOnce = 2000;

std::int64_t remove_orders(pqxx::transaction_base& tx, std::int32_t sale_no) {
  return execute(tx, embedded::rehearsal_remove_orders_sql, sale_no, kRemoveAtOnce)[0][0].as<std::int64_t>();
}

/// Empty: there is no rehearsal of this id, and `result` says why.
std::optional<Sale> find_rehearsal(pqxx::transaction_base& tx, std::string_view sale_id, ResetResult& result) {
  auto sale = read_sale(tx, sale_id);
  if (!sale) result.outcome = ResetResult::Outcome::unknown_sale;
  else if (!sale->rehearsal) result.outcome = ResetResult::Outcome::no_rehearsal;
  else return sale;
  return std::nullopt;
}

/// Of one reset, from its beginning to its end. Between its transactions it can be overtaken: an admin has the same
/// rehearsal reset, and buyers come again. What they then do is not this one's to remove.
class Reset {
 public:
  Reset(Session& session, std::string_view sale_id, std::string_view who)
      : session_(session), sale_id_(sale_id), who_(who) {}

  /// `claim`: makes it this one's, and gives the epoch of the reset before it; no row: it is not to be had.
  Result<ResetResult> run(const std::function<pqxx::result(pqxx::transaction_base&, std::int32_t)>& claim) {
    if (const Error error = transact([&](pqxx::work& tx) { begin_in(tx, claim); })) return error;
    for (std::int64_t removed = kRemoveAtOnce; goes_on() && removed == kRemoveAtOnce; result_.orders += removed) {
      if (const Error error = transact([&](pqxx::work& tx) { removed = remove_some(tx); })) return error;
    }
    if (!goes_on()) return result_;
    const auto removed_before = result_.orders;
    const Error error = transact([&](pqxx::work& tx) {
      result_.orders = removed_before;
      end_in(tx);
    });
    if (error) return error;
    return result_;
  }

 private:
  [[nodiscard]] bool goes_on() const { return result_.outcome == ResetResult::Outcome::reset; }

  template <class Step>
  Error transact(Step&& step) {
    return session_.run([&](pqxx::connection& connection) {
      pqxx::work tx(connection);
      step(tx);
    });
  }

  void begin_in(pqxx::work& tx, const std::function<pqxx::result(pqxx::transaction_base&, std::int32_t)>& claim) {
    const auto sale = find_rehearsal(tx, sale_id_, result_);
    if (!sale) return;
    const auto claimed = claim(tx, sale->sale_no);
    if (claimed.empty()) return overtaken(tx);
    sale_no_ = sale->sale_no;
    epoch_before_ = claimed[0][0].as<std::int64_t>();
    commit(tx);
  }

  /// Or PostgreSQL was restored meanwhile, and the rehearsal is none any more, or not there.
  void overtaken(pqxx::work& tx) {
    auto sale = find_rehearsal(tx, sale_id_, result_);
    if (!sale) return;
    result_.sale = std::move(*sale);
    result_.outcome = ResetResult::Outcome::overtaken;
  }

  /// Some of the orders; how many. Until all are gone the items count too many as sold, never too few. Should this call
  /// not come to its end, another one does.
  std::int64_t remove_some(pqxx::work& tx) {
    const auto removed = remove_orders(tx, sale_no_);
    // After the orders are locked, as everywhere; without the commit they stay.
    if (execute(tx, embedded::rehearsal_go_on_sql, sale_no_, epoch_before_).affected_rows() == 0) {
      overtaken(tx);
      return 0;
    }
    commit(tx);
    FLASHSALE_FAULT_POINT("rehearsal.some_removed");
    return removed;
  }

  /// What was written meanwhile, and the end of it: under the items' locks nobody adds an order.
  void end_in(pqxx::work& tx) {
    lock_items(tx, sale_no_);
    std::int64_t removed_here = 0;
    for (auto removed = remove_orders(tx, sale_no_); removed > 0; removed = remove_orders(tx, sale_no_)) {
      removed_here += removed;
    }
    execute(tx, embedded::rehearsal_remove_late_refunds_sql, sale_no_);
    execute(tx, "DELETE FROM refusals WHERE sale_no = $1", sale_no_);
    execute(tx, embedded::arrivals_drop_runs_sql, sale_no_, epoch_before_);
    execute(tx, "DELETE FROM customer_behaviour WHERE sale_no = $1", sale_no_);
    const auto raised = execute(tx, embedded::rehearsal_end_reset_sql, sale_no_, epoch_before_,
                                static_cast<int>(SaleState::closed), static_cast<int>(SaleState::scheduled));
    if (raised.empty()) return overtaken(tx);
    result_.orders += removed_here;
    execute(tx, "UPDATE items SET epoch = $2, sold = 0 WHERE sale_no = $1", sale_no_, raised[0][0].as<std::int64_t>());
    write_log(tx, who_, "rehearsal.reset", sale_id_, "{\"orders\":" + std::to_string(result_.orders) + "}");
    publish_sale(tx, sale_no_);
    result_.sale = *find_rehearsal(tx, sale_id_, result_);
    commit(tx);
  }

  Session& session_;
  std::string sale_id_;
  std::string who_;
  std::int32_t sale_no_ = 0;
  std::int64_t epoch_before_ = 0;
  ResetResult result_;
};

}  // namespace

Result<ResetResult> reset_rehearsal(Session& session, std::string_view sale_id, std::string_view who) {
  if (!is_valid_identifier(sale_id)) {
    return ResetResult{ResetResult::Outcome::unknown_sale, {}, 0};
  }
  auto result = Reset(session, sale_id, who).run([](pqxx::transaction_base& tx, std::int32_t sale_no) {
    return execute(tx, embedded::rehearsal_begin_reset_sql, sale_no, static_cast<int>(SaleState::closed));
  });
  // Another one has ended since this one began, so all that was there then is gone.
  if (result && result->outcome == ResetResult::Outcome::overtaken) result->outcome = ResetResult::Outcome::reset;
  return result;
}

Result<ResetResult> finish_reset(Session& session, std::string_view sale_id, std::chrono::seconds stalled_for,
                                 std::string_view who) {
  return Reset(session, sale_id, who).run([&](pqxx::transaction_base& tx, std::int32_t sale_no) {
    return execute(tx, embedded::rehearsal_claim_reset_sql, sale_no, std::int64_t{stalled_for.count()});
  });
}

Result<std::vector<std::string>> unfinished_resets(Session& session, std::chrono::seconds older_than) {
  const auto read = [](const pqxx::row& row) { return row[0].as<std::string>(); };
  return read_rows<std::string>(session, read,
                                "SELECT sale_id FROM sales WHERE reset_progress_at <= now() - $1 * interval '1 second'"
                                " ORDER BY sale_no",
                                std::int64_t{older_than.count()});
}

}  // namespace flashsale::postgres
