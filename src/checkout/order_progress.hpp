#pragma once
#include <chrono>
#include <cstdint>
#include <optional>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/checkout/placement.hpp"
#include "flashsale/model/rejection_reason.hpp"
#include "flashsale/postgres/write_result.hpp"
#include "flashsale/redis/order_record.hpp"
#include "flashsale/redis/reservation.hpp"

namespace flashsale::checkout {

/// What is to be done after something has happened to an order: what the flags name, then the answer, then the act. Of
/// an order that is settled the answer comes last.
struct Step {
  enum class Act : std::uint8_t {
    wait,     ///< for what is under way, or for a moment
    reserve,  ///< Redis is to be asked for it
    write,    ///< row_to_write() goes to the journal
    look_up,  ///< its row is to be read
    settle,   ///< it is over: its permit goes back, and nothing may happen to it any more
  };
  /// What an answer shows.
  enum class Shows : std::uint8_t {
    nothing,
    order,  ///< as Redis has it: pending
    row,    ///< the one that has just been told of
  };

  Act act = Act::wait;
  std::optional<PlacementOutcome> answer;  ///< the request has had none yet, and gets this one
  Shows shows = Shows::nothing;
  bool trims = false;              ///< its place in the pending log is settled, too (PROTOCOL R13)
  bool gives_back = false;         ///< Redis is told that the row is final, and gets the units back
  bool drifted = false;            ///< the row contradicts Redis: released without units, the sale corrected (R11)
  bool lacks_item = false;         ///< Redis has lost an item of the sale, which is to be corrected
  bool reason_is_unknown = false;  ///< the row is rejected for a reason that this version does not know

  bool operator==(const Step&) const = default;
};

/// One order from its permit to its settlement, as a state machine without I/O: told what has happened, it says what is
/// to be done. Each member that tells it something is a door through which an order comes back; which of them may come
/// next follows from the last act. The moment `now` never goes back.
class OrderProgress {
 public:
  enum class Stage : std::uint8_t {
    reserving,  ///< waits for Redis
    writing,    ///< stands in the pending log, or is refused by a row; waits for the journal
    replaying,  ///< the key's order was there already; its row is being looked up
    returning,  ///< its epoch has moved on: it is to be reserved again as soon as the sale is there
    settled,
  };

  OrderProgress() = default;
  OrderProgress(Placement placement, catalog::SteadyTime now);

  /// What Redis has decided.
  struct Reservation {
    redis::Decision decision{};
    std::int64_t epoch = 0;                      ///< under which
    TimePoint at{};                              ///< by its clock
    const redis::OrderRecord* record = nullptr;  ///< of a replay; null: it is none of ours
  };
  [[nodiscard]] Step reserved(const Reservation& reservation, catalog::SteadyTime now);

  enum class ReservationFailure : std::uint8_t {
    nothing_changed,   ///< it was refused, too late, or never sent
    no_answer_yet,     ///< past its deadline: it may stand, and the answer may still come (PROTOCOL R10)
    no_answer_at_all,  ///< after the one before: none will ever come
  };
  [[nodiscard]] Step reservation_failed(ReservationFailure failure, catalog::SteadyTime now);

  /// PostgreSQL's last word on what was handed to the journal.
  [[nodiscard]] Step written(const postgres::WriteResult& result, catalog::SteadyTime now);

  /// `row` null: there is none yet, or PostgreSQL does not say.
  [[nodiscard]] Step looked_up(const Order* row, catalog::SteadyTime now);
  /// Too many rows are being looked up.
  [[nodiscard]] Step not_looked_up(catalog::SteadyTime now);

  /// To be told several times a second. `sale` is the order's as it stands now, null if it is gone; it is looked at
  /// only if needs_sale() says so.
  [[nodiscard]] Step time_is(catalog::SteadyTime now, const catalog::SaleSnapshot* sale);
  [[nodiscard]] bool needs_sale(catalog::SteadyTime now) const {
    return stage_ == Stage::returning && now >= look_again_at_;
  }

  [[nodiscard]] Stage stage() const { return stage_; }
  [[nodiscard]] const Placement& placement() const { return placement_; }
  [[nodiscard]] catalog::SteadyTime placed_at() const { return placed_at_; }
  /// Under which it was accepted last; 0: under none yet.
  [[nodiscard]] std::int64_t epoch() const { return epoch_; }
  /// It was accepted under an epoch that is over, and perhaps promised by a 202.
  [[nodiscard]] bool reserves_again() const { return reserves_again_; }
  [[nodiscard]] Order as_order(OrderStatus status) const;
  [[nodiscard]] Order row_to_write() const;

 private:
  Step accepted(const Reservation& reservation);
  Step replayed(const redis::OrderRecord* record, catalog::SteadyTime now);
  Step put_off(PlacementOutcome outcome, catalog::SteadyTime now);
  Step refuse(PlacementOutcome outcome, RejectionReason reason);
  Step return_at(catalog::SteadyTime moment);
  Step settle_by(const Order& row, Step step);
  Step settle_as_rejected(const Order& row, Step step);
  Step settle_without_row();
  Step settle(PlacementOutcome outcome, Step::Shows shows = Step::Shows::nothing, Step step = {});
  Step reserve_again(const catalog::SaleSnapshot* sale);
  void mark_drifted(Step& step);
  void answer(Step& step, PlacementOutcome outcome, Step::Shows shows);

  Placement placement_;
  catalog::SteadyTime placed_at_{};
  catalog::SteadyTime answer_by_{};
  catalog::SteadyTime look_again_at_ = catalog::SteadyTime::max();  ///< replaying: for the row; returning: for the sale
  TimePoint created_at_{};                                          ///< when Redis accepted it
  std::int64_t epoch_ = 0;
  Stage stage_ = Stage::reserving;
  bool is_answered_ = false;
  bool reserves_again_ = false;
  bool is_in_log_ = false;         ///< of the epoch that is served, for all that is known
  bool replayed_is_held_ = false;  ///< in Redis
  std::optional<RejectionReason> rejection_;
};

}  // namespace flashsale::checkout
