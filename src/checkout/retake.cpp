#include "flashsale/checkout/retake.hpp"

#include <chrono>

#include "flashsale/catalog/pending_work.hpp"
#include "flashsale/checkout/give_back.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/redis/pending_log.hpp"
#include "flashsale/redis/redis_clock.hpp"
#include "flashsale/redis/release.hpp"
#include "flashsale/redis/retake.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::checkout {
namespace {

constexpr std::chrono::milliseconds kBudget{1000};
/// Far above what a few late payments need; the bound is there because every queue has one.
constexpr std::int64_t kLogEntriesMax = 50'000;

Result<redis::RetakeReply> take_in_redis(redis::SyncClient& client, const redis::Fence& fence, const Order& row) {
  const auto now = client.ask(redis::read_clock());
  if (!now) return now.error();
  const auto over_at = std::chrono::steady_clock::now() + kBudget;
  const redis::RetakeTerms terms{*now + kBudget, kLogEntriesMax};
  return client.ask_until(redis::retake(fence, terms, row), over_at);
}

}  // namespace

RetakeEnd retake(workers::Stores& stores, const Sale& sale, const Order& row, bool given_back) {
  auto& client = stores.redis();
  if (client.connect()) return RetakeEnd::later;
  if (!given_back) {
    const auto told = give_back(stores, row, sale.id, sale.epoch);
    if (!told || !*told) return RetakeEnd::later;
  }
  const auto reply = take_in_redis(client, stores.fence(sale.id, sale.epoch), row);
  if (!reply) return RetakeEnd::later;
  Order taken = row;
  taken.generation = reply->generation;
  FLASHSALE_FAULT_POINT("payment.after_retake");
  using Outcome = redis::RetakeReply::Outcome;
  switch (reply->outcome) {
    case Outcome::done:
    case Outcome::repeated: return finish_retake(stores, sale, taken, reply->entry_id);
    case Outcome::sold_out:
    case Outcome::limit: return RetakeEnd::no_units;
    case Outcome::lost: (void)client.check_identity(); break;
    case Outcome::late:
    case Outcome::full:
    case Outcome::held: break;
  }
  return RetakeEnd::later;
}

RetakeEnd finish_retake(workers::Stores& stores, const Sale& sale, const Order& taken, const std::string& entry_id) {
  const auto written = postgres::confirm_late_payment(stores.session(), taken, sale.epoch);
  const auto verdict = catalog::judge(written, catalog::LogOf::served_epoch);
  if (verdict.end == catalog::EntryEnd::unsettled) return RetakeEnd::later;
  FLASHSALE_FAULT_POINT("payment.after_late_commit");
  auto& client = stores.redis();
  if (client.connect()) return RetakeEnd::later;
  const bool has_drifted = verdict.end == catalog::EntryEnd::corrected;
  if (has_drifted) {
    telemetry::log_warn("redis and postgres disagree on a late payment, the sale is rebuilt",
                        {{"sale", sale.id}, {"order", taken.id.to_string()}});
  }
  if (verdict.release != catalog::Release::nothing) {
    const bool with_units = verdict.release == catalog::Release::with_units;
    const auto released = client.ask(redis::release(stores.fence(sale.id, sale.epoch), taken, with_units));
    if (!released && !has_drifted) return RetakeEnd::later;
  }
  if (has_drifted) return RetakeEnd::drifted;
  FLASHSALE_FAULT_POINT("payment.before_late_trim");
  if (!entry_id.empty()) (void)client.ask(redis::trim(sale.id, sale.epoch, std::span(&entry_id, 1)));
  return *written == postgres::LateOutcome::confirmed ? RetakeEnd::confirmed : RetakeEnd::no_units;
}

}  // namespace flashsale::checkout
