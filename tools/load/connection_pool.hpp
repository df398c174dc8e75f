#pragma once
#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "answer.hpp"
#include "response_parser.hpp"
#include "target.hpp"

namespace flashsale::load {

using ConnectionIndex = std::uint32_t;

/// Whom a pool tells what happened to a request. The connection is free again, or closed, when it is told.
class ConnectionListener {
 public:
  /// The views of `response` end with the call.
  virtual void on_response(ConnectionIndex connection, const Response& response) = 0;
  /// No answer will come: Outcome::connect_failed, connection_lost, timed_out or protocol_error. Must not send.
  virtual void on_lost(ConnectionIndex connection, Outcome outcome) = 0;

 protected:
  ~ConnectionListener() = default;
};

/// Keep-alive connections to several listeners with at most one request under way on each: non-blocking sockets and
/// epoll, since a client on the machine that it measures may not take more of it than the kernel does anyway. For one
/// thread. The listeners are used in turn.
class ConnectionPool {
 public:
  ConnectionPool(std::vector<Target> targets, std::size_t connections_max, std::uint64_t timeout_ns,
                 ConnectionListener& listener);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  /// An idle connection, or one that is being opened; empty when there is none to be had now. Send on it at once.
  [[nodiscard]] std::optional<ConnectionIndex> acquire();
  [[nodiscard]] std::size_t target_of(ConnectionIndex connection) const { return connections_[connection].target; }
  void send(ConnectionIndex connection, std::string_view request, std::uint64_t now_ns);

  /// Waits for at most so long and tells the listener what has come.
  void wait(std::uint64_t timeout_ns);
  /// Gives up requests whose time is over. Looks at every connection: a few times a second is enough.
  void expire(std::uint64_t now_ns);

  /// For requests that are sent from now on.
  void set_timeout(std::uint64_t timeout_ns) { timeout_ns_ = timeout_ns; }

  [[nodiscard]] std::size_t busy() const { return busy_; }
  [[nodiscard]] std::uint64_t opened() const { return opened_; }

 private:
  enum class State : std::uint8_t { closed, connecting, idle, busy };
  struct Connection {
    int fd = -1;
    std::uint32_t generation = 0;  ///< events of an earlier socket in this place are stale
    std::uint16_t target = 0;
    State state = State::closed;
    bool waits_to_write = false;
    std::uint64_t deadline_ns = 0;
    std::string unsent;
    std::string received;  ///< the beginning of a response
  };

  [[nodiscard]] std::optional<ConnectionIndex> take_idle(std::size_t target);
  [[nodiscard]] std::optional<ConnectionIndex> open(std::size_t target);
  void watch(ConnectionIndex index, int operation);
  void close(ConnectionIndex index);
  void lose(ConnectionIndex index, Outcome outcome);
  void release(ConnectionIndex index, bool closes);
  void on_event(const epoll_event& event);
  void on_writable(ConnectionIndex index);
  void on_readable(ConnectionIndex index);
  void on_bytes(ConnectionIndex index, std::string_view bytes);

  std::vector<Target> targets_;
  std::uint64_t timeout_ns_;
  ConnectionListener& listener_;
  int epoll_fd_;
  std::vector<Connection> connections_;
  std::vector<ConnectionIndex> closed_;
  std::vector<std::vector<ConnectionIndex>> idle_;  ///< by target; may name connections that are idle no longer
  std::vector<std::uint64_t> resting_until_ns_;     ///< by target: a listener that refuses connections is let alone
  std::size_t turn_ = 0;
  std::size_t busy_ = 0;
  std::uint64_t opened_ = 0;
  std::vector<char> input_;
};

}  // namespace flashsale::load
