#include "flashsale/admin/sales.hpp"

#include <functional>
#include <thread>
#include <utility>

#include "flashsale/catalog/change_push.hpp"
#include "flashsale/catalog/rebuild.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/redis/error.hpp"
#include "flashsale/redis/pending_log.hpp"
#include "flashsale/redis/redis_clock.hpp"
#include "flashsale/redis/sale_changes.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::admin {
namespace {

/// A withdrawal meets an epoch that moves on at most so often before it gives up.
constexpr int kEpochAttempts = 5;
constexpr std::chrono::milliseconds kWithdrawBudget{1000};
constexpr std::chrono::milliseconds kEpochPause{100};
constexpr std::chrono::milliseconds kTellPatience{500};
constexpr std::chrono::milliseconds kWriterPatience{500};
constexpr std::chrono::milliseconds kWriterPause{10};

/// Tries for a moment: a sale that is being rebuilt is served again soon, by what was read before or after the change.
bool tell(const std::function<Result<catalog::PushOutcome>()>& push) {
  const auto give_up_at = std::chrono::steady_clock::now() + kTellPatience;
  for (;;) {
    const auto outcome = push();
    if (outcome && *outcome == catalog::PushOutcome::done) return true;
    if (std::chrono::steady_clock::now() >= give_up_at) return false;
    std::this_thread::sleep_for(kEpochPause);
  }
}

StockResult to_result(const postgres::StockChangeResult& written) {
  using From = postgres::StockChangeResult::Outcome;
  StockResult result;
  result.change = written.change;
  switch (written.outcome) {
    case From::repeated: result.outcome = StockResult::Outcome::repeated; break;
    case From::unknown_item: result.outcome = StockResult::Outcome::unknown_item; break;
    case From::not_enough: result.outcome = StockResult::Outcome::not_enough; break;
    case From::key_reused: result.outcome = StockResult::Outcome::key_reused; break;
    case From::done:
    case From::stale_epoch: break;
  }
  return result;
}

StockResult to_repetition(const postgres::StockChangeResult& recorded, std::int64_t units) {
  auto repeated = to_result(recorded);
  const bool same = repeated.change.delta == -units;
  repeated.outcome = same ? StockResult::Outcome::repeated : StockResult::Outcome::key_reused;
  return repeated;
}

/// The units were taken by another call of the same key, which writes that next, unless it has died. Written by
/// somebody else, it would take its own units for ones that were taken twice. Empty: it was not written in time.
Result<std::optional<postgres::StockChangeResult>> await_writer(workers::Stores& stores, std::int32_t sale_no,
                                                                const OrderId& change_id) {
  const auto give_up_at = std::chrono::steady_clock::now() + kWriterPatience;
  for (;;) {
    auto written = postgres::find_stock_change(stores.session(), sale_no, change_id);
    if (!written || *written || std::chrono::steady_clock::now() >= give_up_at) return written;
    std::this_thread::sleep_for(kWriterPause);
  }
}

/// One try to take units out under the epoch that the sale has now. Empty: the epoch moved on, try again.
Result<std::optional<StockResult>> withdraw_once(workers::Stores& stores, const Sale& sale, std::int32_t item_no,
                                                 const OrderId& change_id, std::int64_t units, std::string_view who) {
  auto& client = stores.redis();
  const auto now = client.ask(redis::read_clock());
  if (!now) return now.error();
  const auto over_at = std::chrono::steady_clock::now() + kWithdrawBudget;
  const auto fence = stores.fence(sale.id, sale.epoch);
  const redis::WithdrawalEntry entry{change_id, item_no, units, std::string(who)};
  const auto taken = client.ask_until(redis::withdraw(fence, *now + kWithdrawBudget, entry), over_at);
  if (!taken) return taken.error();
  using Taken = redis::WithdrawReply::Outcome;
  if (taken->outcome == Taken::lost) return std::optional<StockResult>{};
  if (taken->outcome == Taken::late) return make_error_code(redis::Failure::unavailable);
  if (taken->outcome == Taken::reused) return std::optional<StockResult>({StockResult::Outcome::key_reused, {}, 0});
  if (taken->outcome == Taken::not_enough) {
    // They may be missing because a rebuild has just written what this call took under the epoch before.
    const auto written = postgres::find_stock_change(stores.session(), sale.sale_no, change_id);
    if (!written) return written.error();
    if (*written) return std::optional<StockResult>(to_repetition(**written, units));
    StockResult refused{StockResult::Outcome::not_enough, {}, taken->remaining};
    return std::optional<StockResult>(refused);
  }

  if (taken->outcome == Taken::repeated) {
    const auto others = await_writer(stores, sale.sale_no, change_id);
    if (!others) return others.error();
    if (*others) return std::optional<StockResult>(to_repetition(**others, units));
  }

  FLASHSALE_FAULT_POINT("withdrawal.taken");
  const auto written =
      postgres::withdraw_stock(stores.session(), sale.sale_no, item_no, change_id, units, sale.epoch, who);
  // The entry in the pending log lets the sweeper finish it: it has begun, whatever PostgreSQL said.
  if (!written) return make_error_code(postgres::Failure::outcome_unknown);
  FLASHSALE_FAULT_POINT("withdrawal.written");
  using Written = postgres::StockChangeResult::Outcome;
  if (written->outcome == Written::stale_epoch) return std::optional<StockResult>{};
  // Redis believed in units that PostgreSQL does not have; or it took them once more, after whoever rebuilt the sale
  // had written what an older epoch took.
  const bool taken_twice = written->outcome == Written::repeated && taken->outcome == Taken::done;
  if (written->outcome == Written::not_enough || taken_twice) {
    telemetry::log_warn("redis and postgres disagree, the sale is rebuilt", {{"sale", sale.id}});
    (void)catalog::rebuild(stores, sale, sale.epoch);
  } else if (!taken->entry_id.empty()) {
    (void)client.ask(redis::trim(sale.id, sale.epoch, std::span(&taken->entry_id, 1)));
  }
  return std::optional<StockResult>(to_result(*written));
}

/// The same with what has become of it before: a rebuild in between writes what the older epoch had taken.
Result<std::optional<StockResult>> withdraw_now(workers::Stores& stores, const Sale& seen, const Item& item,
                                                const OrderId& change_id, std::int64_t units, std::string_view who) {
  const auto before = postgres::find_stock_change(stores.session(), seen.sale_no, change_id);
  if (!before) return before.error();
  if (*before) return std::optional(to_repetition(**before, units));
  const auto sale = postgres::find_sale(stores.session(), seen.id);
  if (!sale) return sale.error();
  // Redis counts it no more, and nobody buys: what was not sold is of no use here.
  if ((*sale)->let_go) return std::optional(StockResult{StockResult::Outcome::not_enough, {}, 0});
  return withdraw_once(stores, **sale, item.item_no, change_id, units, who);
}

Result<StockResult> withdraw(workers::Stores& stores, const Sale& sale, const Item& item, const OrderId& change_id,
                             std::int64_t units, std::string_view who) {
  const Error unknown = make_error_code(redis::Failure::outcome_unknown);
  Error unfinished = make_error_code(redis::Failure::unavailable);
  for (int attempt = 0; attempt < kEpochAttempts; ++attempt) {
    auto result = withdraw_now(stores, sale, item, change_id, units, who);
    if (result && *result) return **result;
    // A call of unknown outcome is made again: one that has run is found by its id.
    if (!result && result.error() == unknown) unfinished = unknown;
    else if (!result) return unfinished == unknown ? unknown : result.error();
    (void)stores.redis().check_identity();
    std::this_thread::sleep_for(kEpochPause);
  }
  return unfinished;
}

Result<std::optional<Sale>> create_and_open(workers::Stores& stores, const Sale& definition, std::string_view who) {
  // The other instances see the row before the sale is in Redis: they leave it to this one.
  const catalog::RebuildLease lease(stores, definition.id);
  auto created = postgres::create_sale(stores.session(), definition, who);
  if (!created || !*created) return created;
  const auto opened = catalog::rebuild(stores, **created, (*created)->epoch);
  if (!opened) {
    telemetry::log_warn("sale is opened later", {{"sale", definition.id}, {"error", opened.error().message()}});
  }
  return created;
}

}  // namespace

void announce(workers::Stores& stores) {
  const auto version = postgres::directory_version(stores.session());
  if (version) (void)catalog::announce_directory(stores, *version);
}

Result<std::optional<Sale>> create_sale(workers::Stores& stores, const Sale& definition, std::string_view who) {
  // Without Redis the sale could not be opened: say so before anything is written.
  if (const auto error = stores.redis().connect()) return error;
  auto created = create_and_open(stores, definition, who);
  if (!created || !*created) return created;
  announce(stores);
  auto current = postgres::find_sale(stores.session(), definition.id);
  return current && *current ? current : created;
}

Result<PatchedSale> patch_sale(workers::Stores& stores, std::string_view sale_id, const postgres::SalePatch& patch,
                               std::string_view who) {
  auto patched = postgres::patch_sale(stores.session(), sale_id, patch, who);
  if (!patched) return patched.error();
  PatchedSale answer{std::move(*patched), true};
  if (answer.result.outcome != postgres::PatchResult::Outcome::patched) return answer;
  FLASHSALE_FAULT_POINT("patch.before_push");
  // Redis has nothing of a sale that was let go.
  const auto& sale = *answer.result.sale;
  answer.is_told = sale.let_go || tell([&] { return catalog::push_definition(stores, sale); });
  if (!answer.is_told) telemetry::log_warn("change reaches redis later", {{"sale", sale_id}});
  announce(stores);
  return answer;
}

Result<postgres::ResetResult> reset_rehearsal(workers::Stores& stores, std::string_view sale_id, std::string_view who) {
  auto result = postgres::reset_rehearsal(stores.session(), sale_id, who);
  if (!result || result->outcome != postgres::ResetResult::Outcome::reset) return result;
  const auto rebuilt = catalog::rebuild(stores, result->sale, result->sale.epoch);
  if (!rebuilt) telemetry::log_info("a rehearsal is opened again later", {{"sale", sale_id}});
  announce(stores);
  return result;
}

Result<StockResult> change_stock(workers::Stores& stores, std::string_view sale_id, std::string_view sku,
                                 const OrderId& change_id, std::int64_t delta, std::string_view who) {
  const auto sale = postgres::find_sale(stores.session(), sale_id);
  if (!sale) return sale.error();
  if (!*sale) return StockResult{StockResult::Outcome::unknown_sale, {}, 0};
  const auto* item = (*sale)->find_item(sku);
  if (!item) return StockResult{StockResult::Outcome::unknown_item, {}, 0};

  Result<StockResult> result = make_error_code(redis::Failure::unavailable);
  if (delta < 0) {
    if (const auto error = stores.redis().connect()) return error;
    result = withdraw(stores, **sale, *item, change_id, -delta, who);
  } else {
    const auto added = postgres::add_stock(stores.session(), (*sale)->sale_no, item->item_no, change_id, delta, who);
    if (!added) return added.error();
    result = to_result(*added);
  }
  // One that is repeated may have been made without Redis being told: that is what its 202 has asked for.
  using enum StockResult::Outcome;
  if (result && (result->outcome == done || result->outcome == repeated)) {
    FLASHSALE_FAULT_POINT("stock.before_push");
    result->is_told = (*sale)->let_go || tell([&] { return catalog::push_stock(stores, **sale, item->item_no); });
    FLASHSALE_FAULT_POINT("stock.after_push");
    announce(stores);
  }
  return result;
}

}  // namespace flashsale::admin
