#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/catalog/sold_out_marks.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::catalog {

/// Background work on single sales, asked for by the pulse: rebuilds, pushes, sold-out marks. A few threads; one sale
/// is worked on by one thread at a time, and asking again for work that waits changes nothing, so the queue is bounded
/// by the number of sales.
class Upkeep {
 public:
  struct Options {
    postgres::Options postgres;
    redis::Options redis;
    unsigned threads = 2;
  };
  struct Listener {
    std::function<void()> directory_moved;           ///< epochs have changed in PostgreSQL: load the directory now
    std::function<void(SoldOutMarks)> marks_loaded;  ///< both are called on an upkeep thread
  };

  Upkeep(Options options, telemetry::Metrics& metrics);
  ~Upkeep();
  void start(Listener listener);
  void stop();  ///< ends after the work in hand

  /// Redis has lost the sale. Whoever comes to it looks again first: another instance may have been faster.
  void request_rebuild(std::shared_ptr<const Sale> sale);
  /// Redis serves the sale under this epoch, but not what PostgreSQL says (PROTOCOL R11): rebuilt in any case, once.
  void request_correction(std::shared_ptr<const Sale> sale, std::int64_t epoch);
  void request_definition_push(std::shared_ptr<const Sale> sale);
  void request_stock_push(std::shared_ptr<const Sale> sale, std::int32_t item_no);
  void request_marks(std::shared_ptr<const Sale> sale);

 private:
  struct Work {
    std::shared_ptr<const Sale> sale;
    bool rebuild = false;
    std::int64_t correct_epoch = -1;  ///< none
    SteadyTime not_before{};          ///< a correction that has failed
    bool push_definition = false;
    bool load_marks = false;
    std::set<std::int32_t> push_stock;
  };
  void request(std::shared_ptr<const Sale> sale, const std::function<void(Work&)>& add);
  void run(unsigned thread_no);
  void perform(workers::Stores& stores, const Work& work);
  void rebuild(workers::Stores& stores, const std::shared_ptr<const Sale>& sale, std::int64_t correct_epoch = -1);
  [[nodiscard]] static bool is_served(workers::Stores& stores, const Sale& sale, std::int64_t epoch);
  /// False: it has to be tried again.
  [[nodiscard]] bool rebuild_under_lease(workers::Stores& stores, const Sale& sale, std::int64_t correct_epoch);
  void load_marks(workers::Stores& stores, const Sale& sale);
  void read_marks(workers::Stores& stores, const Sale& sale);
  using Duration = std::chrono::steady_clock::duration;
  [[nodiscard]] bool rests(const std::map<std::int32_t, SteadyTime>& not_before, std::int32_t sale_no);
  /// How long nobody here tries again; grows with each failure in a row.
  [[nodiscard]] std::chrono::milliseconds pause_after_rebuild(std::int32_t sale_no, bool done);
  void rest(std::map<std::int32_t, SteadyTime>& not_before, std::int32_t sale_no, Duration duration);

  Options options_;
  telemetry::Metrics& metrics_;
  Listener listener_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::int32_t, Work> waiting_;  ///< by sale_no
  std::deque<std::int32_t> order_;        ///< of those that wait: first come, first served
  std::set<std::int32_t> in_hand_;
  /// Not before: work that failed or that somebody else does, and marks that took long to read. The pulse asks again.
  std::map<std::int32_t, SteadyTime> rebuild_not_before_;
  std::map<std::int32_t, SteadyTime> marks_not_before_;
  std::map<std::int32_t, std::chrono::milliseconds> rebuild_pauses_;  ///< the last; 0: the last rebuild did not fail
  std::vector<std::thread> threads_;
  bool stopping_ = false;
};

}  // namespace flashsale::catalog
