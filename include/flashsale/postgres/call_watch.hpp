#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>

namespace flashsale::postgres {

/// Ends calls that PostgreSQL does not answer. A frozen server holds a blocking call for ever: its own timeouts do not
/// run, and its kernel goes on acknowledging. One thread of the process shuts the sockets of calls that are past their
/// deadline, so that each returns with a broken connection. Thread-safe.
class CallWatch {
 public:
  using Clock = std::chrono::steady_clock;
  using Ticket = std::uint64_t;

  static CallWatch& instance();
  ~CallWatch();

  /// `socket` may be closed by its owner at any time: the watch keeps a descriptor of its own.
  [[nodiscard]] Ticket begin(int socket, Clock::time_point deadline);
  void extend(Ticket ticket, Clock::time_point deadline);
  void end(Ticket ticket);

  /// From `moment` on no call is waited for any more, nor one begun later: the process ends.
  void cut_all_at(Clock::time_point moment);

 private:
  struct Call {
    int socket = -1;
    Clock::time_point deadline;
  };
  CallWatch();
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<Ticket, Call> calls_;
  Ticket next_ticket_ = 1;
  Clock::time_point cut_all_at_ = Clock::time_point::max();
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace flashsale::postgres
