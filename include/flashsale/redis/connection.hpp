#pragma once
#include <boost/asio/io_context.hpp>
#include <chrono>
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

  /// Sends a command. The callback comes exactly once, never from inside call(). After outcome_unknown, and only then,
  /// `late` (optional) comes once too: with the answer after all, or with an error when none will ever come.
  void call(Command command, Callback callback, Callback late = {});

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace flashsale::redis
