#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/pqxx.hpp"

namespace flashsale::postgres {

struct Options {
  std::string url;  ///< libpq URI or key=value DSN; several hosts allowed. Secret: never logged.
  std::chrono::milliseconds connect_timeout{3000};
  std::chrono::milliseconds statement_timeout{5000};
  std::chrono::milliseconds lock_timeout{3000};
  std::chrono::milliseconds idle_in_transaction_timeout{5000};
  std::chrono::milliseconds tcp_user_timeout{5000};
};

/// For work that comes again by itself: what somebody has locked is stepped over after a moment. One locked row must
/// not hold up what else a pass has to do.
[[nodiscard]] Options with_brief_waits(Options options);

/// One lazily opened connection for one thread at a time. Every new connection sets its own timeouts and
/// `synchronous_commit = on` (PROTOCOL R7). A connection that broke is thrown away, never reused: libpqxx 6 would
/// reconnect silently; the one that takes its place ends the backend that it may have left behind. No function throws;
/// the SQL of a failed call is logged without its parameters.
class Session {
 public:
  Session(Options options, std::string name);  ///< `name` becomes application_name and the label in metrics
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// Runs `work` with an open connection; it makes its own transactions through `pqxx::work`. 40001 and 40P01 are
  /// run again, up to `attempts` in all, a lock timeout once more, and so is work whose connection turns out to be
  /// dead when that one is not new (a restarted server): so `work` must be repeatable, unless `attempts` is 1.
  /// Exceptions of libpqxx become a Failure.
  /// Each attempt has `statement_timeout` and a little more in all, then its connection is cut, even if the server is
  /// frozen; work that takes longer says so by more_time().
  [[nodiscard]] Error run(const std::function<void(pqxx::connection&)>& work, int attempts = 5);
  /// Within run(): the attempt goes on and may take so long from now.
  void more_time(std::chrono::milliseconds time);

  /// `hook` runs once on each new connection before anything else does, e.g. to set what holds for the session.
  void on_connect(std::function<void(pqxx::connection&)> hook);

  /// Opens the connection if there is none.
  [[nodiscard]] Error connect();
  void disconnect();
  /// Of the server that this session is connected to: system identifier and timeline (PROTOCOL R6). Empty while it is
  /// not connected, or when the role may not ask.
  [[nodiscard]] const std::string& server_identity() const;
  [[nodiscard]] const Options& options() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flashsale::postgres
