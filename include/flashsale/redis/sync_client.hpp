#pragma once
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "flashsale/model/result.hpp"
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

  /// An error reply of the server becomes Failure::unavailable (it did not run), and is logged.
  [[nodiscard]] Result<OwnedReply> call(const Command& command);
  /// The same for a script that refuses to run when `over_at` has passed on Redis's clock. An unknown outcome is told
  /// only then: before, what is on its way through something that buffers may still run (PROTOCOL R10).
  [[nodiscard]] Result<OwnedReply> call_until(const Command& command, std::chrono::steady_clock::time_point over_at);
  /// One round trip for all. A refusal that is about one command's data stays an error reply, for the caller to see;
  /// any other fails the whole.
  [[nodiscard]] Result<std::vector<OwnedReply>> pipeline(std::span<const Command> commands);
  /// The two halves of pipeline(), for a caller that has other work while Redis does its own. No other call may come
  /// between them, but send() again: receive() then gives the replies to both. Replies are read only there, so what is
  /// sent must not be answered with more than sockets hold.
  [[nodiscard]] Error send(std::span<const Command> commands);
  [[nodiscard]] Result<std::vector<OwnedReply>> receive();
  /// Asks INFO again: identity may have changed under a living connection. A change closes the connection.
  [[nodiscard]] Error check_identity();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flashsale::redis
