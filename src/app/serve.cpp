#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "file_limit.hpp"
#include "flashsale/admin/drift_watch.hpp"
#include "flashsale/api/admin_api.hpp"
#include "flashsale/api/public_api.hpp"
#include "flashsale/app/commands.hpp"
#include "flashsale/app/dependency_checks.hpp"
#include "flashsale/app/module_options.hpp"
#include "flashsale/app/settings_change.hpp"
#include "flashsale/app/token_command.hpp"
#include "flashsale/catalog/retention.hpp"
#include "flashsale/checkout/refusal_recorder.hpp"
#include "flashsale/checkout/sweeper.hpp"
#include "flashsale/payments/payment_sweeper.hpp"
#include "flashsale/postgres/call_watch.hpp"
#include "flashsale/telemetry/log.hpp"
#include "private_memory.hpp"

namespace flashsale::app {
namespace {

namespace asio = boost::asio;

postgres::UnknownOrders unknown_orders(const Settings& settings) {
  return settings.payments.unknown_orders == "ignore" ? postgres::UnknownOrders::ignore
                                                      : postgres::UnknownOrders::refund;
}
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

/// Stores that do not answer at the start are waited for; orchestrators start everything at once.
constexpr std::chrono::seconds kWaitForStores{5};
/// A pulse older than this means that Redis is not reached.
constexpr milliseconds kPulseAgeMax{1000};
/// For the first snapshot of all sales and the I/O threads' connections to Redis.
constexpr milliseconds kWaitUntilServing{2000};
constexpr unsigned kExportsMax = 2;
constexpr unsigned kSwitchThreads = 1;
constexpr std::size_t kSwitchQueueMax = 64;
constexpr unsigned kBuyerThreads = 2;
constexpr std::size_t kBuyerQueueMax = 1024;
/// Lists, polls and cancellations of one customer at once: more than any page with its tabs has, and few beside the
/// queues that they stand in.
constexpr std::uint32_t kCallsOfCustomerMax = 48;
constexpr unsigned kReportThreads = 1;
constexpr std::size_t kReportQueueMax = 4;
constexpr milliseconds kStopPoll{20};
constexpr unsigned kPaymentThreads = 2;
constexpr std::size_t kPaymentQueueMax = 1024;
constexpr milliseconds kCutAfterDeadline{500};

/// Everything that the I/O threads share, in the order in which it is stopped from the bottom up.
class Process {
 public:
  Process(const Settings& settings, std::function<Settings()> read_again);
  [[nodiscard]] int run();

 private:
  /// One I/O thread and what belongs to it alone.
  struct IoThread {
    IoThread(Process& process, const Settings& settings);
    void run();

    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    catalog::Catalog catalog;
    redis::Connection redis;
    catalog::SaleLookup sales;
    checkout::Checkout checkout;
    identity::TokenVerifier tokens;
    identity::WebhookVerifier webhooks;
    api::PublicApi public_api;
    api::AdminApi admin_api;
    std::thread thread;
    std::atomic<bool> can_sell{false};  ///< it has had all that it needs once
  };

  void publish(const std::shared_ptr<const catalog::Snapshot>& snapshot);
  [[nodiscard]] std::vector<std::string_view> failing_parts() const;
  void start_background();
  [[nodiscard]] std::uint32_t connections_max() const;
  [[nodiscard]] bool listen();
  void wait_for_signal();
  void await_reload();
  void reload_credentials();
  void stop();
  void wait_until(Steady::time_point deadline, const std::function<bool()>& done);

  Settings settings_;
  std::function<Settings()> read_again_;
  // As long as the process: a second signal must not cut the drain short.
  asio::io_context signal_context_{1};
  asio::signal_set signals_{signal_context_, SIGTERM, SIGINT};
  asio::signal_set reload_signals_{signal_context_, SIGHUP};
  telemetry::Metrics metrics_;
  checkout::Permits permits_;
  std::unique_ptr<identity::CustomerRateLimiter> rate_limiter_;
  identity::CustomerCalls customer_calls_{kCallsOfCustomerMax};
  std::unique_ptr<identity::GatewayPeers> gateway_peers_;
  identity::AdminTokens admin_tokens_;
  catalog::Upkeep upkeep_;
  catalog::Pulse pulse_;
  checkout::Journal journal_;
  checkout::OrderLookup lookup_;
  checkout::Sweeper sweeper_;
  payments::PaymentSweeper payment_sweeper_;
  catalog::Retention retention_;
  admin::DriftWatch drift_watch_;
  admin::OperationPool operations_;
  admin::OperationPool switches_;
  admin::OperationPool buyers_;
  admin::OperationPool payment_operations_;
  admin::OperationPool reports_;
  admin::OperationPool exports_;
  checkout::RefusalRecorder refusals_;
  std::atomic<bool> draining_{false};
  bool nothing_failed_ = false;  ///< at the last beat; the pulse's thread alone
  api::ProcessParts parts_;
  std::vector<std::unique_ptr<IoThread>> threads_;
  std::unique_ptr<http::Server> public_server_;
  std::unique_ptr<http::Server> admin_server_;
};

identity::WebhookVerifier webhook_verifier(const Settings& settings) {
  return {settings.payments.webhook_secrets, std::chrono::seconds(settings.payments.webhook_tolerance_s)};
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text.empty() ? "nothing" : text;
}

Process::IoThread::IoThread(Process& process, const Settings& settings)
    : redis(context, redis_options(settings), process.metrics_),
      sales(context, catalog, process.pulse_, redis),
      checkout(checkout_options(settings), {context, redis, catalog, sales, process.upkeep_, process.journal_,
                                            process.lookup_, process.permits_, process.metrics_}),
      tokens(token_options(settings)),
      webhooks(webhook_verifier(settings)),
      public_api(process.parts_, {context, catalog, sales, checkout, tokens, webhooks}),
      admin_api(process.parts_, {context, catalog, sales, checkout, tokens, webhooks}) {}

void Process::IoThread::run() {
  redis.start();
  checkout.start();
  for (;;) {
    try {
      context.run();
      return;
    } catch (const std::exception& error) {
      // A defect: nothing on the request path throws. The other requests of this thread go on.
      telemetry::log_error("exception reached an I/O thread", {{"error", error.what()}});
    }
  }
}

Process::Process(const Settings& settings, std::function<Settings()> read_again)
    : settings_(settings),
      read_again_(std::move(read_again)),
      permits_(permits_options(settings)),
      admin_tokens_(settings.admin.tokens),
      upkeep_({postgres_options(settings), redis_options(settings)}, metrics_),
      pulse_({postgres_options(settings), redis_options(settings), milliseconds(settings.catalog.pulse_ms)}, upkeep_,
             metrics_),
      journal_({postgres_options(settings), settings.journal.workers, settings.journal.batch_max}, metrics_),
      lookup_(
          {postgres_options(settings), settings.lookup.workers, settings.lookup.batch_max, settings.lookup.queue_max},
          metrics_),
      sweeper_({postgres_options(settings), redis_options(settings), milliseconds(settings.sweeper.interval_ms),
                milliseconds(settings.sweeper.older_than_ms), settings.sweeper.in_flight_max},
               upkeep_, journal_, metrics_),
      payment_sweeper_(
          {postgres_options(settings), redis_options(settings), milliseconds(settings.payments.expiry_interval_ms),
           std::chrono::seconds(settings.payments.patience_s), unknown_orders(settings)},
          upkeep_, metrics_),
      retention_(
          {postgres_options(settings), redis_options(settings), std::chrono::seconds(settings.retention.redis_keep_s)},
          metrics_),
      drift_watch_({postgres_options(settings), redis_options(settings), milliseconds(settings.audit.interval_ms)},
                   upkeep_, metrics_),
      operations_({postgres_options(settings), redis_options(settings), settings.admin.threads}, metrics_),
      switches_({postgres_options(settings), redis_options(settings), kSwitchThreads, kSwitchQueueMax, "switches"},
                metrics_),
      buyers_({postgres_options(settings), redis_options(settings), kBuyerThreads, kBuyerQueueMax, "buyers"}, metrics_),
      payment_operations_(
          {postgres_options(settings), redis_options(settings), kPaymentThreads, kPaymentQueueMax, "payments"},
          metrics_),
      reports_({postgres_options(settings), redis_options(settings), kReportThreads, kReportQueueMax, "reports"},
               metrics_),
      exports_({postgres_options(settings), redis_options(settings), kExportsMax, 0, "exports"}, metrics_),
      refusals_(postgres_options(settings)),
      parts_{operations_,
             switches_,
             buyers_,
             payment_operations_,
             reports_,
             exports_,
             lookup_,
             pulse_,
             upkeep_,
             nullptr,
             nullptr,
             nullptr,
             admin_tokens_,
             metrics_,
             [this] { return failing_parts(); },
             milliseconds(settings.checkout.wait_ms),
             milliseconds(settings.checkout.wait_max_ms),
             std::chrono::seconds(settings.payments.window_max_s),
             identity::parse_customer_id_form(settings.auth.customer_id_form).value()} {
  if (settings.rate_limit.enabled) {
    rate_limiter_ = std::make_unique<identity::CustomerRateLimiter>(rate_limiter_options(settings));
    parts_.rate_limiter = rate_limiter_.get();
    parts_.customer_calls = &customer_calls_;
  }
  if (settings.auth.mode == "gateway") {
    gateway_peers_ = std::make_unique<identity::GatewayPeers>(settings.auth.gateway_peers);
    parts_.gateway_peers = gateway_peers_.get();
  }
  const auto count =
      settings.http.threads > 0 ? settings.http.threads : std::max(1U, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < count; ++i) threads_.push_back(std::make_unique<IoThread>(*this, settings));
}

/// What keeps this instance from selling, for /readyz.
std::vector<std::string_view> Process::failing_parts() const {
  std::vector<std::string_view> failing;
  if (draining_) failing.emplace_back("draining");
  if (pulse_.age() > kPulseAgeMax) failing.emplace_back("redis");
  if (!pulse_.postgres_reached()) failing.emplace_back("postgres");
  if (!pulse_.directory_loaded()) failing.emplace_back("catalog");
  return failing;
}

/// From the pulse's thread: every I/O thread gets the new snapshot in its own loop.
void Process::publish(const std::shared_ptr<const catalog::Snapshot>& snapshot) {
  // Of a beat that began when everything was there.
  const bool is_whole = std::exchange(nothing_failed_, failing_parts().empty());
  for (const auto& thread : threads_) {
    asio::post(thread->context, [this, &thread = *thread, snapshot, is_whole] {
      thread.catalog.replace(snapshot);
      thread.checkout.snapshot_replaced();
      refusals_.add(thread.checkout.take_refusals());
      if (is_whole && thread.redis.ready()) thread.can_sell = true;
      // The server's identity can change under a living connection (PROTOCOL R6).
      const bool differs = thread.redis.ready() && thread.redis.identity() != snapshot->redis_identity;
      if (snapshot->redis_reached && differs) thread.redis.reconnect();
    });
  }
  sweeper_.observe(snapshot);
  drift_watch_.observe(snapshot);
  retention_.observe(snapshot);
  permits_.adapt();
  metrics_.queue_depth("orders_in_flight").Set(static_cast<double>(permits_.taken()));
  metrics_.queue_depth("orders_in_flight_limit").Set(static_cast<double>(permits_.limit()));
}

void Process::start_background() {
  for (const auto& thread : threads_) thread->thread = std::thread([&io = *thread] { io.run(); });
  journal_.start();
  lookup_.start();
  operations_.start();
  switches_.start();
  buyers_.start();
  payment_operations_.start();
  reports_.start();
  exports_.start();
  refusals_.start();
  upkeep_.start({[this] { pulse_.reload_directory(); },
                 [this](catalog::SoldOutMarks marks) { pulse_.offer_marks(std::move(marks)); }});
  pulse_.start([this](const std::shared_ptr<const catalog::Snapshot>& snapshot) { publish(snapshot); });
  sweeper_.start();
  payment_sweeper_.start();
  retention_.start();
  drift_watch_.start();
}

/// As many as are set, or as there are files for.
std::uint32_t Process::connections_max() const {
  const auto limit = raise_file_limit();
  const auto wanted = settings_.http.connections_max;
  const auto possible = connections_within(limit, wanted, static_cast<unsigned>(threads_.size()));
  if (possible < wanted) {
    telemetry::log_warn("fewer connections than http.connections_max: the limit of open files is too low (ulimit -n)",
                        {{"connections_max", wanted}, {"connections", possible}, {"files", limit}});
  }
  return possible;
}

bool Process::listen() {
  std::vector<http::Worker> workers;
  for (const auto& thread : threads_) workers.push_back({&thread->context, &thread->public_api.routes()});
  auto public_options = public_http_options(settings_);
  public_options.connections_max = connections_max();
  public_server_ = std::make_unique<http::Server>(public_options, workers, metrics_);
  const std::vector<http::Worker> admin_worker{{&threads_.front()->context, &threads_.front()->admin_api.routes()}};
  admin_server_ = std::make_unique<http::Server>(admin_http_options(settings_), admin_worker, metrics_);
  const auto start = [](http::Server& server, std::string_view name, const std::string& address, unsigned port) {
    const auto error = server.listen();
    if (!error) {
      telemetry::log_info("listening", {{"listener", name}, {"address", address}, {"port", server.port()}});
      return true;
    }
    std::cerr << "flashsaled: cannot listen on " << address << ':' << port << ": " << error.message() << '\n';
    return false;
  };
  // Buyers last: /readyz is on their listener.
  return start(*admin_server_, "admin", settings_.admin.address, settings_.admin.port) &&
         start(*public_server_, "public", settings_.http.address, settings_.http.port);
}

/// In every thread's own loop, between two requests.
void Process::reload_credentials() {
  SettingsChange change;
  try {
    const Settings fresh = read_again_();
    change = compare_settings(settings_, fresh);
    take_credentials(settings_, fresh);
  } catch (const std::exception& error) {
    return telemetry::log_error("settings were not read again: all stays as it was", {{"error", error.what()}});
  }
  const auto credentials = std::make_shared<const Settings>(settings_);
  for (const auto& thread : threads_) {
    asio::post(thread->context, [&io = *thread, credentials] {
      io.tokens = identity::TokenVerifier(token_options(*credentials));
      io.webhooks = webhook_verifier(*credentials);
    });
  }
  asio::post(threads_.front()->context,
             [this, credentials] { admin_tokens_ = identity::AdminTokens(credentials->admin.tokens); });
  telemetry::log_info("settings read again", {{"changed", listed(change.at_once)}});
  if (!change.after_restart.empty()) {
    telemetry::log_warn("changed settings take effect at the next start", {{"settings", listed(change.after_restart)}});
  }
}

void Process::await_reload() {
  reload_signals_.async_wait([this](const Error& error, int) {
    if (error) return;
    reload_credentials();
    await_reload();
  });
}

void Process::wait_for_signal() {
  await_reload();
  signals_.async_wait([this](const Error&, int number) {
    telemetry::log_info("stopping", {{"signal", number}});
    reload_signals_.cancel();
  });
  signal_context_.run();
}

void Process::wait_until(Steady::time_point deadline, const std::function<bool()>& done) {
  while (!done() && Steady::now() < deadline) std::this_thread::sleep_for(kStopPoll);
}

/// Requests finish, the journal drains, then everything ends in the reverse order of its start.
void Process::stop() {
  draining_ = true;
  public_server_->start_draining();
  std::this_thread::sleep_for(milliseconds(settings_.shutdown.delay_ms));
  const auto deadline = Steady::now() + milliseconds(settings_.shutdown.drain_timeout_ms);
  public_server_->stop_accepting();
  wait_until(deadline, [this] { return public_server_->connections() == 0 && permits_.taken() == 0; });
  admin_server_->stop_accepting();
  wait_until(std::min(deadline, Steady::now() + milliseconds(2000)),
             [this] { return admin_server_->connections() == 0; });
  // A frozen PostgreSQL must not hold up the end.
  postgres::CallWatch::instance().cut_all_at(deadline + kCutAfterDeadline);
  journal_.stop(deadline);
  // Settled orders' log entries are trimmed in the loop's next turns.
  std::this_thread::sleep_for(kStopPoll * 2);
  public_server_->abort();
  admin_server_->abort();
  operations_.stop();
  switches_.stop();
  buyers_.stop();
  payment_operations_.stop();
  reports_.stop();
  exports_.stop();
  sweeper_.stop();
  payment_sweeper_.stop();
  retention_.stop();
  drift_watch_.stop();
  pulse_.stop();
  upkeep_.stop();
  lookup_.stop();
  for (const auto& thread : threads_) {
    asio::post(thread->context, [this, &io = *thread] {
      refusals_.add(io.checkout.take_refusals());
      io.checkout.stop();
      io.redis.stop();
      io.context.stop();
    });
  }
  for (const auto& thread : threads_) thread->thread.join();
  refusals_.stop();
  telemetry::log_info("stopped", {{"orders_left", permits_.taken()}});
}

int Process::run() {
  start_background();
  // A balancer goes on to the next instance when a connection is refused; a 503 of one that is not ready yet, which
  // looks like any other, it would hand to the buyer. Stores that are away by now are no reason to stay silent.
  wait_until(Steady::now() + kWaitUntilServing,
             [this] { return std::ranges::all_of(threads_, [](const auto& io) { return io->can_sell.load(); }); });
  if (!listen()) {
    // Nothing was served: end at once.
    telemetry::shutdown_log();
    std::_Exit(1);
  }
  wait_for_signal();
  stop();
  return 0;
}

/// True when the stores are there and safe; otherwise the reasons are on stderr. `excessive` as in DependencyReport.
bool stores_are_good(const Settings& settings, std::vector<std::string>& excessive) {
  const auto deadline = Steady::now() + kWaitForStores;
  for (;;) {
    const auto report = check_dependencies(settings);
    if (report.good()) {
      excessive = report.excessive;
      return true;
    }
    const bool give_up = !report.unsafe.empty() || Steady::now() >= deadline;
    if (give_up) {
      for (const auto& problem : report.unsafe) std::cerr << "flashsaled: refusing to start: " << problem << '\n';
      for (const auto& problem : report.unreachable) std::cerr << "flashsaled: refusing to start: " << problem << '\n';
      return false;
    }
    telemetry::log_warn("waiting for the stores", {{"reason", report.unreachable.front()}});
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

}  // namespace

int run_serve(const Settings& settings, std::function<Settings()> read_again) {
  // Until it is known that it can start, one line that says why not is all there is to say.
  telemetry::start_log({"error", settings.log.format});
  if (!settings.process.core_dumps) keep_memory_private();
  // Before anything is opened: the stores' sessions need files, too.
  static_cast<void>(raise_file_limit());
  int status = 1;
  std::vector<std::string> excessive;
  if (stores_are_good(settings, excessive)) {
    telemetry::start_log({settings.log.level, settings.log.format});
    for (const auto& warning : token_warnings(settings)) telemetry::log_warn("tokens", {{"warning", warning}});
    for (const auto& more : excessive) {
      telemetry::log_warn("this process may do more in a store than it needs", {{"what", more}});
    }
    Process process(settings, std::move(read_again));
    status = process.run();
  }
  telemetry::shutdown_log();
  return status;
}

}  // namespace flashsale::app
