#pragma once
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "flashsale/catalog/upkeep.hpp"
#include "flashsale/payments/settlement.hpp"
#include "flashsale/telemetry/trace_context.hpp"
#include "flashsale/workers/operation_pool.hpp"

namespace flashsale::payments {

/// Takes the payment provider's messages to the threads that carry them out: successful ones of one sale that wait when
/// a thread is free go together, so that a crowd that pays at once costs the shop one commit for many. Bounded by the
/// pool's queue. All calls from any thread.
class Intake {
 public:
  /// On one of the pool's threads; must not throw.
  using Done = std::function<void(Result<postgres::PaymentResult>)>;
  /// When Redis was last heard of, as catalog::Pulse::age() says.
  using RedisAge = std::function<std::chrono::milliseconds()>;

  Intake(workers::OperationPool& pool, catalog::Upkeep& upkeep, RedisAge redis_age);

  /// False: too many wait. Otherwise `done` is called once, unless the pool is stopped before.
  [[nodiscard]] bool submit(postgres::ToldPayment told, Done done);
  /// After the pool has stopped: forgets those that waited.
  void stop();

 private:
  struct Waiting {
    postgres::ToldPayment told;
    Done done;
    bool is_alone = false;  ///< it goes by itself
  };
  using Batch = std::vector<Waiting>;

  Batch take();
  void carry_out(workers::Stores& stores);
  void carry_out(workers::Stores& stores, Waiting& one);
  [[nodiscard]] Batch confirm(workers::Stores& stores, Batch batch);
  [[nodiscard]] Batch hand_on(Batch left);
  [[nodiscard]] bool wake_thread();

  workers::OperationPool& pool_;
  catalog::Upkeep& upkeep_;
  RedisAge redis_age_;
  std::mutex mutex_;
  std::deque<Waiting> waiting_;
};

}  // namespace flashsale::payments
