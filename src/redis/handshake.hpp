#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/redis/command.hpp"
#include "flashsale/redis/options.hpp"
#include "flashsale/redis/reply.hpp"
#include "script.hpp"
#include "server_identity.hpp"

namespace flashsale::redis {

/// What every connection begins with: who we are, which database, the scripts, and which server this is (PROTOCOL R6).
/// Does no I/O: whoever has a socket sends the commands, in their order, and shows it each reply.
class Handshake {
 public:
  explicit Handshake(const Options& options);

  [[nodiscard]] std::vector<Command> commands() const;
  /// The reply to the next of the commands. Behind the first that is not as it should be nothing counts any more.
  void take(ReplyView reply);

  [[nodiscard]] bool is_done() const { return why_not_.empty() && !identity_.empty(); }
  /// Why this server, or this user, is none to work with; empty if nothing speaks against it so far.
  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  /// When it is done.
  [[nodiscard]] const std::string& identity() const { return identity_; }

 private:
  enum class Step : std::uint8_t { log_in, select, load_script, meet };
  void meet(std::string_view info);

  const Options& options_;
  std::vector<Step> steps_;
  std::size_t at_ = 0;
  std::size_t scripts_loaded_ = 0;
  std::string why_not_;
  std::string identity_;
};

[[nodiscard]] Command load_command(const Script& script);

/// Why a server is none to work with; empty if it is one.
[[nodiscard]] std::string_view why_unfit(const ServerIdentity& server, const Options& options);

}  // namespace flashsale::redis
