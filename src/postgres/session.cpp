#include "flashsale/postgres/session.hpp"

#include <algorithm>
#include <optional>
#include <random>
#include <string_view>
#include <thread>
#include <utility>

#include "embedded/flashsale_postgres.hpp"
#include "flashsale/postgres/call_watch.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/telemetry/log.hpp"
#include "open_connection.hpp"
#include "statement.hpp"
#include "statement_cache.hpp"

#if defined(__SANITIZE_ADDRESS__)
// libpqxx 6 loses the PGresult of a call whose connection broke under it: about 2 KB for each broken connection.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:PQmakeEmptyPGresult\n"; }
#endif

namespace flashsale::postgres {
namespace {

/// A lock timeout has waited for seconds already, so it is tried only once more.
constexpr int kLockTimeoutAttempts = 2;
constexpr std::size_t kLoggedBytesMax = 300;
/// Longer than any transaction of ours holds a row while the server is well.
constexpr std::chrono::milliseconds kBriefWait{300};
/// The server's own timeouts come first.
constexpr std::chrono::milliseconds kWatchSlack{1500};

struct Trouble {
  enum class Again : std::uint8_t { no, rolled_back, lock_timeout, reconnect };
  std::optional<Failure> failure;
  Again again = Again::no;
  bool connection_lost = false;
  std::string sqlstate;
  std::string sql;
  std::string message;
};

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, std::min(text.find('\n'), kLoggedBytesMax)));
}

Trouble from_sql_error(const pqxx::sql_error& error) {
  Trouble trouble;
  trouble.sqlstate = error.sqlstate();
  trouble.sql = error.query();
  const std::string_view state = trouble.sqlstate;
  const auto kind = state.substr(0, 2);
  // These quote the value that they are about.
  if (kind != "22" && kind != "23") trouble.message = first_line(error.what());
  if (state == "40001" || state == "40P01") {
    trouble.failure = Failure::busy;
    trouble.again = Trouble::Again::rolled_back;
  } else if (state == "55P03") {
    trouble.failure = Failure::busy;
    trouble.again = Trouble::Again::lock_timeout;
  } else if (state == "57014") {
    trouble.failure = Failure::timed_out;
  } else if (is_refused_data(error)) {
    trouble.failure = Failure::data_refused;
  } else if (kind == "08" || kind == "53" || kind == "57" || kind == "58" || state == "25P03" || state == "25006") {
    // 25006, read-only: a standby answers, so the address leads to another server than it did.
    trouble.failure = Failure::unavailable;
    trouble.again = Trouble::Again::reconnect;
    trouble.connection_lost = true;
  } else {
    trouble.failure = Failure::internal;
    trouble.connection_lost = kind == "XX";
  }
  return trouble;
}

Trouble plain_trouble(Failure failure, Trouble::Again again, bool lost, const std::exception& error) {
  Trouble trouble;
  trouble.failure = failure;
  trouble.again = again;
  trouble.connection_lost = lost;
  trouble.message = first_line(error.what());
  return trouble;
}

Trouble try_once(pqxx::connection& connection, const std::function<void(pqxx::connection&)>& work) {
  using Again = Trouble::Again;
  try {
    work(connection);
    return {};
  } catch (const pqxx::in_doubt_error& error) {
    return plain_trouble(Failure::outcome_unknown, Again::no, true, error);
  } catch (const pqxx::broken_connection& error) {
    return plain_trouble(Failure::unavailable, Again::reconnect, true, error);
  } catch (const pqxx::deadlock_detected& error) {
    return plain_trouble(Failure::busy, Again::rolled_back, false, error);
  } catch (const pqxx::serialization_failure& error) {
    return plain_trouble(Failure::busy, Again::rolled_back, false, error);
  } catch (const pqxx::sql_error& error) {
    Trouble trouble = from_sql_error(error);
    if (!connection.is_open() && trouble.failure != Failure::data_refused) {
      trouble.failure = Failure::unavailable;
      trouble.again = Again::reconnect;
    }
    return trouble;
  } catch (const std::exception& error) {
    // Among them is pqxx::failure without a SQLSTATE, as libpqxx throws it when a socket died under it.
    const bool died = !connection.is_open();
    return plain_trouble(died ? Failure::unavailable : Failure::internal, died ? Again::reconnect : Again::no, true,
                         error);
  }
}

/// Needs no quoting in either form of a connection string.
std::string plain_name(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!plain) c = '-';
  }
  return out;
}

/// The later of two equal names counts in both forms of a connection string.
std::string with_own_parameters(const Options& options, std::string_view name) {
  const bool uri = options.url.starts_with("postgres://") || options.url.starts_with("postgresql://");
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.connect_timeout).count();
  std::string out = options.url;
  char separator = ' ';
  if (uri) separator = options.url.find('?') == std::string::npos ? '?' : '&';
  const auto add = [&](std::string_view key, std::string_view value) {
    out.push_back(separator);
    out.append(key).append("=").append(value);
    if (uri) separator = '&';
  };
  add("connect_timeout", std::to_string(std::max<std::int64_t>(2, seconds)));
  add("tcp_user_timeout", std::to_string(options.tcp_user_timeout.count()));
  add("keepalives", "1");
  add("keepalives_idle", "10");
  add("keepalives_interval", "2");
  add("keepalives_count", "3");
  add("client_encoding", "UTF8");
  add("application_name", plain_name(name));
  return out;
}

std::string session_settings(const Options& options) {
  const auto set = [](std::string_view name, std::chrono::milliseconds value) {
    return "SET " + std::string(name) + " = " + std::to_string(value.count()) + ";";
  };
  return set("statement_timeout", options.statement_timeout) + set("lock_timeout", options.lock_timeout) +
         set("idle_in_transaction_session_timeout", options.idle_in_transaction_timeout) +
         // As with_own_parameters() asks of this side: a host that is lost must not hold its locks for hours.
         "SET tcp_keepalives_idle = 10;"
         "SET tcp_keepalives_interval = 2;"
         "SET tcp_keepalives_count = 3;"
         "SET synchronous_commit = on;"
         "SET default_transaction_isolation = 'read committed';"
         "SET TimeZone = 'UTC';"
         "SET DateStyle = 'ISO, YMD';"
         // commit() has to hear of a wait for a standby that was cancelled.
         "SET client_min_messages = warning;"
         "SET jit = off;"
         // A plan for one sale's number goes by statistics that may be older than the sale and say that it has no row:
         // then all of it is read where 256 orders are looked up by the key. One for any sale does not. (Citus needs
         // the number to find the shard.)
         "SELECT set_config('plan_cache_mode', CASE WHEN EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')"
         " THEN 'auto' ELSE 'force_generic_plan' END, false)";
}

/// Messages about an unusable connection string quote it, password and all.
std::string safe_connect_message(const std::exception& error) {
  const std::string line = first_line(error.what());
  return line.find("connection to server") == std::string::npos ? "the connection string is not usable" : line;
}

std::string read_server_identity(pqxx::transaction_base& tx) {
  try {
    const auto row = tx.exec(std::string(embedded::server_identity_sql))[0];
    return row[0].as<std::string>() + ':' + row[1].as<std::string>();
  } catch (const pqxx::sql_error&) {
    return {};
  }
}

/// A session's process in the server. Both empty: of none.
struct Backend {
  std::string pid;
  std::string started_at;
};

Backend read_backend(pqxx::transaction_base& tx) {
  const auto rows = tx.exec(std::string(embedded::session_backend_sql));
  if (rows.empty() || rows[0][1].is_null()) return {};
  return {rows[0][0].as<std::string>(), rows[0][1].as<std::string>()};
}

/// Its transaction is open or in doubt, and stays what it is; only its locks go.
void end_predecessor(pqxx::transaction_base& tx, const Backend& backend) {
  if (backend.pid.empty()) return;
  try {
    const auto ended = execute(tx, embedded::session_end_predecessor_sql, backend.pid, backend.started_at);
    if (ended.empty()) return;
    telemetry::log_info("the backend of a connection that was given up is ended", {{"backend", backend.pid}});
  } catch (const pqxx::sql_error& error) {
    telemetry::log_warn("a backend cannot be ended", {{"backend", backend.pid}, {"error", first_line(error.what())}});
  }
}

/// A call under watch, for as long as this lives.
class WatchedCall {
 public:
  WatchedCall(const pqxx::connection& connection, std::chrono::milliseconds time, CallWatch::Ticket& ticket)
      : ticket_(ticket) {
    ticket_ = CallWatch::instance().begin(connection.sock(), CallWatch::Clock::now() + time);
  }
  ~WatchedCall() {
    CallWatch::instance().end(ticket_);
    ticket_ = 0;
  }
  WatchedCall(const WatchedCall&) = delete;
  WatchedCall& operator=(const WatchedCall&) = delete;

 private:
  CallWatch::Ticket& ticket_;
};

void pause_before_attempt(int attempt) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::this_thread::sleep_for(
      std::chrono::microseconds(std::uniform_int_distribution<int>(500, 4000)(random) * attempt));
}

}  // namespace

Options with_brief_waits(Options options) {
  options.lock_timeout = std::min(options.lock_timeout, kBriefWait);
  return options;
}

struct Session::State {
  Options options;
  std::string name;
  std::function<void(pqxx::connection&)> on_connect;
  std::unique_ptr<pqxx::connection> connection;
  std::unique_ptr<StatementCache> statements;  ///< of the connection
  CallWatch::Ticket watched = 0;               ///< of the call under way
  std::string server_identity;
  Backend backend;      ///< of this connection
  Backend predecessor;  ///< of the one before it, until it is known to be gone
#if PQXX_VERSION_MAJOR < 7
  /// Keeps what libpq has to say off stderr; lives no longer than the connection.
  std::unique_ptr<pqxx::quiet_errorhandler> quiet;
#endif

  void open() {
    auto fresh = open_connection(with_own_parameters(options, name));
#if PQXX_VERSION_MAJOR < 7
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    fresh->inhibit_reactivation(true);
#pragma GCC diagnostic pop
    auto fresh_quiet = std::make_unique<pqxx::quiet_errorhandler>(*fresh);
#endif
    {
      const WatchedCall call(*fresh, options.statement_timeout + kWatchSlack, watched);
      pqxx::nontransaction tx(*fresh);
      tx.exec(session_settings(options));
      server_identity = read_server_identity(tx);
      end_predecessor(tx, predecessor);
      predecessor = {};
      backend = read_backend(tx);
      tx.commit();
    }
    connection = std::move(fresh);
    statements = std::make_unique<StatementCache>(*connection);
#if PQXX_VERSION_MAJOR < 7
    quiet = std::move(fresh_quiet);
#endif
  }

  Trouble try_watched(const std::function<void(pqxx::connection&)>& work) {
    const WatchedCall call(*connection, options.statement_timeout + kWatchSlack, watched);
    const StatementCache::Use use(*statements);
    Trouble trouble = try_once(*connection, work);
    if (StatementCache::may_be_stale(trouble.sqlstate, trouble.sql)) {
      trouble.again = Trouble::Again::reconnect;
      trouble.connection_lost = true;
    }
    trouble.sql = statements->with_text(std::move(trouble.sql)).substr(0, kLoggedBytesMax);
    return trouble;
  }

  void close() {
#if PQXX_VERSION_MAJOR < 7
    quiet.reset();
#endif
    statements.reset();
    connection.reset();
    server_identity.clear();
    if (!backend.pid.empty()) predecessor = std::exchange(backend, {});
  }

  void report(const Trouble& trouble, int attempt) const {
    telemetry::log_warn("postgres call failed", {{"session", name},
                                                 {"failure", make_error_code(*trouble.failure).message()},
                                                 {"sqlstate", trouble.sqlstate},
                                                 {"sql", trouble.sql},
                                                 {"error", trouble.message},
                                                 {"attempts", attempt}});
  }
};

Session::Session(Options options, std::string name) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  state_->name = std::move(name);
}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

void Session::on_connect(std::function<void(pqxx::connection&)> hook) { state_->on_connect = std::move(hook); }

const Options& Session::options() const { return state_->options; }

void Session::disconnect() { state_->close(); }

Error Session::connect() {
  if (state_->connection) return {};
  try {
    state_->open();
  } catch (const std::exception& error) {
    telemetry::log_warn("postgres cannot be reached",
                        {{"session", state_->name}, {"error", safe_connect_message(error)}});
    return Failure::unavailable;
  }
  if (!state_->on_connect) return {};
  const Trouble trouble = state_->try_watched(state_->on_connect);
  if (!trouble.failure) return {};
  state_->report(trouble, 1);
  disconnect();
  return *trouble.failure;
}

const std::string& Session::server_identity() const { return state_->server_identity; }

Error Session::run(const std::function<void(pqxx::connection&)>& work, int attempts) {
  bool may_reconnect = attempts > 1;
  for (int attempt = 1;; ++attempt) {
    // A connection that was idle may have died long ago, as after a restart of the server: worth one new one.
    may_reconnect = may_reconnect && state_->connection != nullptr;
    if (const Error error = connect()) return error;
    const Trouble trouble = state_->try_watched(work);
    if (!trouble.failure) return {};
    if (trouble.connection_lost || !state_->connection->is_open()) disconnect();
    const bool again =
        attempt < attempts && ((trouble.again == Trouble::Again::rolled_back) ||
                               (trouble.again == Trouble::Again::lock_timeout && attempt < kLockTimeoutAttempts) ||
                               (trouble.again == Trouble::Again::reconnect && may_reconnect));
    if (!again) {
      state_->report(trouble, attempt);
      return *trouble.failure;
    }
    if (trouble.again == Trouble::Again::reconnect) may_reconnect = false;
    pause_before_attempt(attempt);
  }
}

void Session::more_time(std::chrono::milliseconds time) {
  CallWatch::instance().extend(state_->watched, CallWatch::Clock::now() + time);
}

}  // namespace flashsale::postgres
