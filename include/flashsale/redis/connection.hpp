#pragma once
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "flashsale/model/result.hpp"
#include "flashsale/redis/command.hpp"
#include "flashsale/redis/options.hpp"
#include "flashsale/redis/reply.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::redis {

/// The asynchronous connection of one I/O thread: Asio owns the socket, hiredis decodes. Commands of one turn of the
/// loop go out in one write; answers come in order. It connects again by itself, with back-off. All calls and
/// callbacks on the thread of its io_context.
class Connection {
 public:
  using Callback = std::function<void(Error, ReplyView)>;

  Connection(boost::asio::io_context& context, Options options, telemetry::Metrics& metrics);
  ~Connection();

  void start();
  void stop();  ///< every call under way ends with a Failure
  void reconnect();

  /// True when commands are taken: connected to a master, scripts loaded.
  [[nodiscard]] bool ready() const;
  /// Identity of the server that this connection speaks to (PROTOCOL R6); empty while it is not ready.
  [[nodiscard]] const std::string& identity() const;

  /// Another one whenever a connection is made or lost: what was sent under an older one no longer holds this one up.
  [[nodiscard]] std::uint64_t generation() const;

  /// Sends a command. The callback comes exactly once, never from inside call(). After outcome_unknown, and only then,
  /// `late` (optional) comes once too: with the answer after all, or with an error when none will ever come.
  /// Who gives `late` is told of an unknown outcome only when the time-out has passed, also when the connection is lost
  /// before: what is on its way through something that buffers may still run until then (PROTOCOL R10).
  void call(const Command& command, Callback callback, Callback late = {});

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace flashsale::redis
