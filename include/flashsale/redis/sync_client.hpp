#pragma once
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flashsale/model/result.hpp"
#include "flashsale/redis/call.hpp"
#include "flashsale/redis/command.hpp"
#include "flashsale/redis/options.hpp"
#include "flashsale/redis/reply.hpp"

namespace flashsale::redis {

/// A blocking connection for one background thread at a time. Connects when it is first used; after a failure it is
/// closed and the next call connects anew. Nothing throws.
class SyncClient {
 public:
  SyncClient(Options options, std::string name);
  ~SyncClient();
  SyncClient(SyncClient&&) noexcept;
  SyncClient& operator=(SyncClient&&) noexcept;

  [[nodiscard]] Error connect();
  void disconnect();
  /// Empty while not connected.
  [[nodiscard]] const std::string& identity() const;

  /// What the server refuses (it did not run) is Failure::unavailable, and is logged.
  template <class Reply>
  [[nodiscard]] Result<Reply> ask(const Call<Reply>& asked) {
    const auto reply = call(asked.command);
    if (!reply) return Result<Reply>(boost::system::in_place_error, reply.error());
    return asked.read(ReplyView(reply->get()));
  }
  /// The same for a script that refuses to run when `over_at` has passed on Redis's clock. An unknown outcome is told
  /// only then: before, what is on its way through something that buffers may still run (PROTOCOL R10).
  template <class Reply>
  [[nodiscard]] Result<Reply> ask_until(const Call<Reply>& asked, std::chrono::steady_clock::time_point over_at) {
    const auto reply = call_until(asked.command, over_at);
    if (!reply) return Result<Reply>(boost::system::in_place_error, reply.error());
    return asked.read(ReplyView(reply->get()));
  }
  /// All in one round trip, each with an answer of its own; see pipeline().
  template <class Reply>
  [[nodiscard]] Result<std::vector<Result<Reply>>> ask_all(std::span<const Call<Reply>> calls) {
    if (const auto error = send_all(calls)) return error;
    return receive_all(calls);
  }
  /// The two halves of ask_all(), for a caller that has other work while Redis does its own. No other call may come
  /// between them. Replies are read only in the second, so what is sent must not be answered with more than sockets
  /// hold.
  template <class Reply>
  [[nodiscard]] Error send_all(std::span<const Call<Reply>> calls) {
    std::string wire;
    for (const auto& one : calls) wire += one.command.wire();
    return send(wire, calls.size());
  }
  /// `calls`: those that were sent.
  template <class Reply>
  [[nodiscard]] Result<std::vector<Result<Reply>>> receive_all(std::span<const Call<Reply>> calls) {
    const auto replies = receive();
    if (!replies) return replies.error();
    if (replies->size() != calls.size()) return make_error_code(Failure::protocol);
    std::vector<Result<Reply>> answers;
    answers.reserve(calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) answers.push_back(calls[i].read(ReplyView((*replies)[i].get())));
    return answers;
  }

  /// A command that no Call is made for.
  [[nodiscard]] Result<OwnedReply> call(const Command& command);
  /// One round trip for commands of several kinds. A refusal that is about one command's data stays an error reply, for
  /// the caller to see; any other fails the whole.
  [[nodiscard]] Result<std::vector<OwnedReply>> pipeline(std::span<const Command> commands);
  /// Asks INFO again: identity may have changed under a living connection. A change closes the connection.
  [[nodiscard]] Error check_identity();

 private:
  [[nodiscard]] Result<OwnedReply> call_until(const Command& command, std::chrono::steady_clock::time_point over_at);
  [[nodiscard]] Error send(std::string_view wire, std::size_t command_count);
  [[nodiscard]] Result<std::vector<OwnedReply>> receive();

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flashsale::redis
