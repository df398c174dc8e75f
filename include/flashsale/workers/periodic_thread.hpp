#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace flashsale::workers {

/// A thread that does one piece of work again and again, with a pause after each time, until it is stopped. The work
/// may block, and must not throw. All calls from any thread; start() once.
class PeriodicThread {
 public:
  PeriodicThread(std::chrono::milliseconds pause, std::function<void()> work);
  ~PeriodicThread();
  PeriodicThread(const PeriodicThread&) = delete;
  PeriodicThread& operator=(const PeriodicThread&) = delete;

  void start();
  /// Waits for the work in hand. Harmless when it was never started, or has stopped.
  void stop();
  /// Ends the pause, or leaves out the next one.
  void wake();
  /// For work that consists of steps: the rest may be left out.
  [[nodiscard]] bool is_stopping() const { return stopping_; }

 private:
  void run();

  std::chrono::milliseconds pause_;
  std::function<void()> work_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_woken_ = false;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace flashsale::workers
