#include "flashsale/postgres/call_watch.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "flashsale/telemetry/log.hpp"

namespace flashsale::postgres {
namespace {

constexpr std::chrono::milliseconds kLook{100};

}  // namespace

CallWatch& CallWatch::instance() {
  static CallWatch watch;
  return watch;
}

CallWatch::CallWatch() : thread_([this] { run(); }) {}

CallWatch::~CallWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  for (const auto& [ticket, call] : calls_) ::close(call.socket);
}

CallWatch::Ticket CallWatch::begin(int socket, Clock::time_point deadline) {
  const int own = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return 0;  // out of descriptors: the call goes unwatched
  const std::lock_guard lock(mutex_);
  calls_.emplace(next_ticket_, Call{own, deadline});
  return next_ticket_++;
}

void CallWatch::extend(Ticket ticket, Clock::time_point deadline) {
  const std::lock_guard lock(mutex_);
  if (const auto call = calls_.find(ticket); call != calls_.end()) call->second.deadline = deadline;
}

void CallWatch::end(Ticket ticket) {
  const std::lock_guard lock(mutex_);
  const auto call = calls_.find(ticket);
  if (call == calls_.end()) return;
  ::close(call->second.socket);
  calls_.erase(call);
}

void CallWatch::cut_all_at(Clock::time_point moment) {
  const std::lock_guard lock(mutex_);
  cut_all_at_ = moment;
}

void CallWatch::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLook, [this] { return stopping_; })) {
    const auto now = Clock::now();
    for (auto& [ticket, call] : calls_) {
      if (now < std::min(call.deadline, cut_all_at_)) continue;
      ::shutdown(call.socket, SHUT_RDWR);
      call.deadline = Clock::time_point::max();
      if (now < cut_all_at_) telemetry::log_warn("postgres did not answer in time, the connection is cut");
    }
  }
}

}  // namespace flashsale::postgres
