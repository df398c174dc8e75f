#include "flashsale/catalog/rebuild.hpp"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "flashsale/postgres/order_repository.hpp"
#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/redis/error.hpp"
#include "flashsale/redis/pulse.hpp"
#include "flashsale/redis/rebuild_scripts.hpp"
#include "flashsale/redis/server_facts.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "flashsale/telemetry/log.hpp"
#include "flashsale/workers/lease_keeper.hpp"
#include "log_drain.hpp"

namespace flashsale::catalog {
namespace {

/// Looked at beside each epoch that is known to have been served.
constexpr std::int64_t kEpochsBeside = 64;
/// Kept while the rebuild goes on; after a holder's death the others wait for so long.
constexpr std::chrono::milliseconds kRebuildLease{5000};
constexpr std::string_view kLeaseKind = "rebuild";
/// Orders whose units a rebuild gives back; the sweeper does the rest.
constexpr std::size_t kFreedMax = 200'000;
constexpr std::size_t kMarkedAtOnce = 2000;
/// Redis gives memory back in a thread of its own.
constexpr std::chrono::milliseconds kFreeingPause{50};
constexpr std::chrono::seconds kFreeingMax{5};

/// Epochs that may have left keys behind. A log that is not drained is that of the last epoch that was published: the
/// fence knows it, and PostgreSQL knows it too, since every epoch is recorded there as the one from which on logs are
/// to be drained before it is published. However many tries have failed in between, both stay what they are. The others
/// are looked at because Redis or PostgreSQL may be older than the other thinks. (A log of an epoch below the recorded
/// one is not drained, whatever it holds: it was out of sight while the sale went on.)
std::vector<std::int64_t> old_epochs(std::int64_t drained_epoch, std::int64_t published_epoch, std::int64_t new_epoch) {
  std::set<std::int64_t> epochs;
  for (const auto first : {drained_epoch, published_epoch, new_epoch - kEpochsBeside}) {
    const auto end = std::min(first + kEpochsBeside, new_epoch);
    for (auto epoch = std::max<std::int64_t>(1, first); epoch < end; ++epoch) epochs.insert(epoch);
  }
  return {epochs.begin(), epochs.end()};
}

/// What is deleted in the background still counts as used memory, which the load may need.
void wait_for_memory(redis::SyncClient& client) {
  const auto give_up_at = std::chrono::steady_clock::now() + kFreeingMax;
  while (std::chrono::steady_clock::now() < give_up_at) {
    const auto freeing = redis::is_freeing_memory(client);
    if (!freeing || !*freeing) return;
    std::this_thread::sleep_for(kFreeingPause);
  }
}

/// One run of it.
class Rebuild {
 public:
  Rebuild(workers::Stores& stores, const Sale& sale)
      : stores_(stores), session_(stores.session()), redis_(stores.redis()), sale_(sale) {}

  [[nodiscard]] Result<RebuildOutcome> run(std::int64_t seen_epoch);

 private:
  /// The sale as it was read; of another epoch when somebody newer was here.
  struct Prepared {
    Sale sale;
    redis::Loaded loaded;
  };
  [[nodiscard]] Result<Prepared> prepare(std::int64_t published_epoch, std::int64_t epoch);
  [[nodiscard]] Result<Prepared> load(std::int64_t new_epoch);
  [[nodiscard]] Error begin_loading(std::vector<redis::Call<redis::LoadOutcome>> calls);
  [[nodiscard]] Error finish_loading(bool& superseded);
  void mark_given_back(std::span<const Order> freed);
  [[nodiscard]] Result<RebuildOutcome> publish(const Prepared& prepared, std::string_view identity);
  [[nodiscard]] RebuildOutcome count(RebuildOutcome outcome);

  workers::Stores& stores_;
  postgres::Session& session_;
  redis::SyncClient& redis_;
  const Sale& sale_;
  std::vector<redis::Call<redis::LoadOutcome>> loading_;  ///< sent, and not answered yet
};

Result<RebuildOutcome> Rebuild::run(std::int64_t seen_epoch) {
  // The identity can have changed under a living connection, and what is published now carries it.
  if (const auto error = redis_.check_identity()) return error;
  // Of the server that is loaded below: should another one answer in the end, it is published as not its own, and every
  // pulse sees that.
  const std::string identity = redis_.identity();
  const auto served = redis_.ask(redis::pulse(sale_.id, seen_epoch));
  if (!served) return served.error();
  const workers::LeaseKeeper keeper(stores_.redis_options(), sale_.id, std::string(kLeaseKind), stores_.lease_holder(),
                                    kRebuildLease);
  FLASHSALE_FAULT_POINT("rebuild.before_raise");
  // PostgreSQL that was restored from a backup is behind the fence.
  const auto raised = postgres::raise_epoch(session_, sale_.sale_no, seen_epoch, served->fence_epoch);
  if (!raised) return raised.error();
  if (!*raised) return count(RebuildOutcome::superseded);
  const std::int64_t epoch = **raised;
  FLASHSALE_FAULT_POINT("rebuild.epoch_raised");

  const auto closed = redis_.ask(redis::close_fence(sale_.id, epoch));
  if (!closed) return closed.error();
  if (closed->superseded) return count(RebuildOutcome::superseded);
  FLASHSALE_FAULT_POINT("rebuild.fence_closed");

  auto prepared = prepare(closed->published_epoch, epoch);
  // As late as can be: from here on the logs of older epochs are given up, wherever they may come to light.
  if (prepared && prepared->sale.epoch == epoch) {
    const auto is_current = postgres::mark_drained(session_, sale_.sale_no, epoch);
    if (!is_current) prepared = is_current.error();
    else if (!*is_current) prepared = Prepared{};
  }
  const bool is_mine = prepared && prepared->sale.epoch == epoch;
  FLASHSALE_FAULT_POINT("rebuild.before_publish");
  const auto outcome = is_mine ? publish(*prepared, identity) : Result<RebuildOutcome>(RebuildOutcome::superseded);
  // When it is not known whether the epoch was published, nothing may go; what was not has an expiry.
  if (!outcome) return outcome;
  const bool published = *outcome == RebuildOutcome::published;
  FLASHSALE_FAULT_POINT("rebuild.published");
  if (!published) (void)redis_.ask(redis::forget_epoch(sale_.id, epoch));
  if (!prepared) return prepared.error();
  if (published) telemetry::log_info("sale published", {{"sale", sale_.id}, {"epoch", epoch}});
  return count(*outcome);
}

RebuildOutcome Rebuild::count(RebuildOutcome outcome) {
  stores_.metrics().rebuilds(outcome == RebuildOutcome::published ? "published" : "superseded").Increment();
  return outcome;
}

/// Everything but the publication. What the old epochs have left goes before the new one is loaded: Redis need not have
/// room for both.
Result<Rebuild::Prepared> Rebuild::prepare(std::int64_t published_epoch, std::int64_t epoch) {
  const auto bounds = postgres::find_log_bounds(session_, sale_.sale_no);
  if (!bounds) return bounds.error();
  const auto old = old_epochs(bounds->drained_epoch, published_epoch, epoch);
  auto logs = old;
  std::erase_if(logs, [&](std::int64_t one) { return one < std::max(bounds->reset_epoch, bounds->drained_epoch); });
  if (const auto error = LogDrain(stores_).drain(sale_, logs, epoch)) return error;
  FLASHSALE_FAULT_POINT("rebuild.drained");
  // What is written under an epoch that has moved on changes nothing: then the logs are somebody else's to drain.
  const auto current = postgres::current_epoch(session_, sale_.sale_no);
  if (!current) return current.error();
  if (*current != epoch) return Prepared{};
  if (!old.empty()) {
    const auto cleared = redis_.ask(redis::clear(sale_.id, epoch, old));
    if (!cleared) return cleared.error();
    if (*cleared == redis::LoadOutcome::superseded) return Prepared{};
  }
  FLASHSALE_FAULT_POINT("rebuild.cleared");
  wait_for_memory(redis_);
  return load(epoch);
}

/// What counts as free in the snapshot is free in what is published. So its orders need not be told of any more, and
/// the audit must not count their units twice. Before it is published: whoever looks at it then finds them marked. (If
/// it never is, the next snapshot has them free as well.)
void Rebuild::mark_given_back(std::span<const Order> freed) {
  while (!freed.empty()) {
    const auto some = freed.first(std::min(kMarkedAtOnce, freed.size()));
    if (postgres::mark_given_back(session_, some)) return;  // the sweeper does it
    freed = freed.subspan(some.size());
  }
}

Result<RebuildOutcome> Rebuild::publish(const Prepared& prepared, std::string_view identity) {
  const auto outcome = redis_.ask(redis::publish(prepared.sale, prepared.loaded, identity, session_.server_identity()));
  if (!outcome) return outcome.error();
  switch (*outcome) {
    case redis::PublishOutcome::published: return RebuildOutcome::published;
    case redis::PublishOutcome::superseded: return RebuildOutcome::superseded;
    case redis::PublishOutcome::incomplete: break;
  }
  telemetry::log_warn("what was loaded of a sale has expired", {{"sale", prepared.sale.id}});
  return make_error_code(redis::Failure::unavailable);
}

/// Redis takes one chunk of rows while PostgreSQL reads the next.
Result<Rebuild::Prepared> Rebuild::load(std::int64_t new_epoch) {
  Prepared prepared;
  Error failure;
  bool superseded = false;
  std::vector<Order> freed;
  postgres::SnapshotReader reader;
  reader.sale = [&](const Sale& row) {
    prepared.sale = row;
    return row.epoch == new_epoch;
  };
  reader.orders = [&](std::span<const Order> orders) {
    failure = finish_loading(superseded);
    if (!failure && !superseded) failure = begin_loading(redis::load(sale_.id, new_epoch, orders));
    prepared.loaded.orders += static_cast<std::int64_t>(orders.size());
    for (const auto& order : orders) prepared.loaded.newest_at = std::max(prepared.loaded.newest_at, order.created_at);
    return !failure && !superseded;
  };
  reader.freed = [&](const Order& order) {
    if (freed.size() < kFreedMax) freed.push_back(order);
  };
  const auto error = postgres::read_snapshot(session_, sale_.sale_no, reader);
  const auto last = finish_loading(superseded);
  if (failure) return failure;
  if (error) return error;
  if (last) return last;
  if (superseded) return Prepared{};
  if (prepared.sale.epoch == new_epoch) mark_given_back(freed);
  return prepared;
}

Error Rebuild::begin_loading(std::vector<redis::Call<redis::LoadOutcome>> calls) {
  if (const auto error = redis_.send_all<redis::LoadOutcome>(calls)) return error;
  loading_ = std::move(calls);
  return {};
}

/// Reads the replies to the chunk that was sent last.
Error Rebuild::finish_loading(bool& superseded) {
  const auto calls = std::exchange(loading_, {});
  const auto outcomes = redis_.receive_all<redis::LoadOutcome>(calls);
  if (!outcomes) return outcomes.error();
  for (const auto& outcome : *outcomes) {
    // Nor may a record be missing from what is published because Redis had no room for it.
    if (!outcome) return outcome.error();
    superseded = superseded || *outcome == redis::LoadOutcome::superseded;
  }
  return {};
}

}  // namespace

Result<RebuildOutcome> rebuild(workers::Stores& stores, const Sale& sale, std::int64_t seen_epoch) {
  return Rebuild(stores, sale).run(seen_epoch);
}

RebuildLease::RebuildLease(workers::Stores& stores, std::string_view sale_id)
    : stores_(stores), sale_id_(sale_id), is_held_(stores.hold_lease(sale_id, kLeaseKind, kRebuildLease)) {}

RebuildLease::~RebuildLease() {
  if (is_held_) stores_.hold_lease(sale_id_, kLeaseKind, std::chrono::milliseconds(0));
}

}  // namespace flashsale::catalog
