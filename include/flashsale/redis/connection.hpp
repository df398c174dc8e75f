#pragma once
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "flashsale/model/result.hpp"
#include "flashsale/redis/call.hpp"
#include "flashsale/redis/fence.hpp"
#include "flashsale/redis/options.hpp"
#include "flashsale/redis/reply.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::redis {

/// The asynchronous connection of one I/O thread: Asio owns the socket, hiredis decodes. Commands of one turn of the
/// loop go out in one write; answers come in order. It connects again by itself, with back-off. All calls and
/// callbacks on the thread of its io_context.
class Connection {
 public:
  Connection(boost::asio::io_context& context, Options options, telemetry::Metrics& metrics);
  ~Connection();

  void start();
  void stop();  ///< every call under way ends with a Failure
  void reconnect();

  /// True when commands are taken: connected to a master, scripts loaded.
  [[nodiscard]] bool ready() const;
  /// Identity of the server that this connection speaks to (PROTOCOL R6); empty while it is not ready.
  [[nodiscard]] const std::string& identity() const;
  /// Of a sale, on the server that this connection speaks to now. Valid while the id is, and until it is lost.
  [[nodiscard]] Fence fence(std::string_view sale_id, std::int64_t epoch) const { return {sale_id, epoch, identity()}; }

  /// Another one whenever a connection is made or lost: what was sent under an older one no longer holds this one up.
  [[nodiscard]] std::uint64_t generation() const;

  /// Sends a call. `answered(Result<Reply>)` comes exactly once, never from inside ask(). After outcome_unknown, and
  /// only then, `late(Result<Reply>)` (optional) comes once too: with the answer after all, or with an error when none
  /// will ever come. Who gives `late` is told of an unknown outcome only when the time-out has passed, also when the
  /// connection is lost before: what is on its way through something that buffers may still run until then
  /// (PROTOCOL R10).
  template <class Reply, class Answered>
  void ask(const Call<Reply>& asked, Answered answered) {
    call(asked.command, reading(asked.read, std::move(answered)), {});
  }
  template <class Reply, class Answered, class Late>
  void ask(const Call<Reply>& asked, Answered answered, Late late) {
    call(asked.command, reading(asked.read, std::move(answered)), reading(asked.read, std::move(late)));
  }

 private:
  using Callback = std::function<void(Error, ReplyView)>;

  template <class Reply, class Answered>
  static Callback reading(const Reader<Reply>& read, Answered answered) {
    return [read, answered = std::move(answered)](const Error& error, ReplyView reply) {
      answered(error ? Result<Reply>(boost::system::in_place_error, error) : read(reply));
    };
  }
  void call(const Command& command, Callback callback, Callback late);

  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace flashsale::redis
