#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "flashsale/workers/stores.hpp"

namespace flashsale::workers {

/// A few threads, each with its own connections to both stores, for calls that block: the admin API, buyers' lists and
/// cancellations; or, in another pool, the payment provider's messages. The queue in front of them is bounded.
class OperationPool {
 public:
  struct Options {
    postgres::Options postgres;
    redis::Options redis;
    unsigned threads = 2;
    std::size_t queue_max = 256;      ///< operations that wait for a thread
    std::string name = "operations";  ///< of its sessions and its queue
  };
  using Operation = std::function<void(Stores&)>;

  OperationPool(Options options, telemetry::Metrics& metrics);
  ~OperationPool();
  void start();
  void stop();  ///< finishes what is in hand; what is queued is dropped, nobody waits for it any more

  /// False: no thread is free and the queue is full; the operation will not run.
  [[nodiscard]] bool submit(Operation operation);

 private:
  void run(unsigned thread_no);

  Options options_;
  telemetry::Metrics& metrics_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Operation> queue_;
  std::size_t busy_ = 0;  ///< threads that have an operation in hand
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace flashsale::workers
