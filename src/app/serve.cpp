#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/host_name.hpp>
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

#include "dependency_checks.hpp"
#include "failing_parts.hpp"
#include "file_limit.hpp"
#include "flashsale/admin/drift_watch.hpp"
#include "flashsale/admin/forecast_metrics.hpp"
#include "flashsale/admin/forecast_watch.hpp"
#include "flashsale/admin/store_watch.hpp"
#include "flashsale/api/admin_api.hpp"
#include "flashsale/api/public_api.hpp"
#include "flashsale/app/commands.hpp"
#include "flashsale/app/token_command.hpp"
#include "flashsale/catalog/latest_snapshot.hpp"
#include "flashsale/catalog/retention.hpp"
#include "flashsale/catalog/snapshot_metrics.hpp"
#include "flashsale/checkout/behaviour_recorder.hpp"
#include "flashsale/checkout/refusal_recorder.hpp"
#include "flashsale/checkout/sweeper.hpp"
#include "flashsale/events/agreement_watch.hpp"
#include "flashsale/events/event_service.hpp"
#include "flashsale/outbound/trace_exporter.hpp"
#include "flashsale/payments/intake.hpp"
#include "flashsale/payments/payment_sweeper.hpp"
#include "flashsale/postgres/call_watch.hpp"
#include "flashsale/postgres/connecting.hpp"
#include "flashsale/postgres/event_agreement.hpp"
#include "flashsale/postgres/outbox.hpp"
#include "flashsale/redis/connecting.hpp"
#include "flashsale/telemetry/log.hpp"
#include "module_options.hpp"
#include "private_memory.hpp"
#include "service_list.hpp"
#include "settings_change.hpp"

namespace flashsale::app {
namespace {

namespace asio = boost::asio;

UnknownOrders unknown_orders(const Settings& settings) {
  return settings.payments.unknown_orders == "ignore" ? UnknownOrders::ignore : UnknownOrders::refund;
}
api::LoggedCheckouts logged_checkouts(const Settings& settings) {
  if (settings.log.checkouts == "all") return api::LoggedCheckouts::all;
  return settings.log.checkouts == "refused" ? api::LoggedCheckouts::refused : api::LoggedCheckouts::none;
}
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

/// Stores that do not answer at the start are waited for; orchestrators start everything at once.
constexpr std::chrono::seconds kWaitForStores{5};
/// A pulse older than this means that Redis is not reached.
constexpr milliseconds kPulseAgeMax{1000};
/// For the first snapshot of all sales and the I/O threads' connections to Redis.
constexpr milliseconds kWaitUntilServing{2000};
constexpr std::size_t kOperationQueueMax = 256;
constexpr unsigned kExportsMax = 2;
constexpr unsigned kEndpointThreads = 1;
constexpr std::size_t kEndpointQueueMax = 2;
constexpr unsigned kSwitchThreads = 1;
constexpr std::size_t kSwitchQueueMax = 64;
constexpr unsigned kBuyerThreads = 2;
constexpr std::size_t kBuyerQueueMax = 1024;
/// Lists, polls and cancellations of one customer at once: more than any page with its tabs has, and few beside the
/// queues that they stand in.
constexpr std::uint32_t kCallsOfCustomerMax = 48;
constexpr unsigned kReportThreads = 1;
constexpr std::size_t kReportQueueMax = 4;
constexpr unsigned kFeedThreads = 2;
/// One for each call that waits and each stream, and some.
constexpr std::size_t kFeedQueueMax = 1024;
constexpr milliseconds kStopPoll{20};
/// More than cores: most of a payment's time is its commit.
constexpr unsigned kPaymentThreads = 4;
constexpr std::size_t kPaymentQueueMax = 1024;
constexpr milliseconds kCutAfterDeadline{500};
/// For whoever has yet to write its last counts, and lost its connection a moment ago.
constexpr milliseconds kConnectWhenStopping{1000};

/// Everything that the I/O threads share, and these.
class Process {
 public:
  Process(const Settings& settings, postgres::EventAgreement& agreement, std::function<Settings()> read_again);
  [[nodiscard]] int run();

 private:
  /// One I/O thread and what belongs to it alone.
  struct IoThread {
    IoThread(Process& process, const Settings& settings, const std::shared_ptr<identity::CheckedTokens>& checked);
    void run();

    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    catalog::Catalog catalog;
    redis::Connection redis;
    catalog::SaleLookup sales;
    checkout::Checkout checkout;
    identity::TokenVerifier tokens;
    identity::WebhookVerifier webhooks;
    identity::BehaviourNotes behaviour;
    api::PublicApi public_api;
    api::AdminApi admin_api;
    std::thread thread;
    std::atomic<bool> can_sell{false};  ///< it has had all that it needs once
  };

  void register_services();
  void register_snapshot_readers();
  void publish(const std::shared_ptr<const catalog::Snapshot>& snapshot);
  void hand_to_io_threads(const std::shared_ptr<const catalog::Snapshot>& snapshot);
  void observe_orders_in_flight();
  [[nodiscard]] std::vector<std::string_view> failing_parts() const;
  void start_io_threads();
  void stop_io_threads();
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
  std::unique_ptr<telemetry::Tracer> tracer_;                ///< null: tracing is off
  std::unique_ptr<outbound::TraceExporter> trace_exporter_;  ///< the same
  checkout::Permits permits_;
  std::unique_ptr<identity::CustomerRateLimiter> rate_limiter_;
  identity::CustomerCalls customer_calls_{kCallsOfCustomerMax};
  std::unique_ptr<identity::GatewayPeers> gateway_peers_;
  identity::GatewayPeers trusted_proxies_;
  identity::AdminTokens admin_tokens_;
  api::StreamPlaces stream_places_;
  identity::WatchLinks watch_links_;
  catalog::Upkeep upkeep_;
  catalog::PulseMailbox pulse_mail_;
  catalog::DirectoryWatch directory_;
  catalog::Pulse pulse_;
  checkout::Journal journal_;
  checkout::OrderLookup lookup_;
  checkout::Sweeper sweeper_;
  payments::PaymentSweeper payment_sweeper_;
  catalog::Retention retention_;
  admin::DriftWatch drift_watch_;
  admin::StoreWatch store_watch_;
  events::EventService events_;
  events::AgreementWatch agreement_watch_;
  workers::OperationPool operations_;
  workers::OperationPool switches_;
  workers::OperationPool buyers_;
  workers::OperationPool payment_operations_;
  payments::Intake payment_intake_;
  workers::OperationPool reports_;
  workers::OperationPool feed_;
  workers::OperationPool exports_;
  workers::OperationPool endpoints_;
  events::WebhookOptions webhook_options_;
  identity::OriginHasher origins_;
  checkout::RefusalRecorder refusals_;
  admin::ForecastWatch forecasts_;
  std::unique_ptr<checkout::BehaviourRecorder> behaviour_;  ///< null: it is switched off
  std::atomic<bool> draining_{false};
  bool nothing_failed_ = false;  ///< at the last beat; the pulse's thread alone
  api::ProcessParts parts_;
  std::vector<std::unique_ptr<IoThread>> threads_;
  ServiceList services_;
  catalog::LatestSnapshot latest_;                    ///< for metrics
  std::vector<catalog::Pulse::Publish> on_snapshot_;  ///< in this order, on the pulse's thread
  std::unique_ptr<http::Server> public_server_;
  std::unique_ptr<http::Server> admin_server_;
};

workers::OperationPool::Options pool_options(const Settings& settings, std::string name, unsigned threads,
                                             std::size_t queue_max) {
  return {.postgres = postgres_options(settings),
          .redis = redis_options(settings),
          .threads = threads,
          .queue_max = queue_max,
          .name = std::move(name)};
}

identity::WebhookVerifier webhook_verifier(const Settings& settings) {
  return {settings.payments.webhook_secrets, std::chrono::seconds(settings.payments.webhook_tolerance_s)};
}

/// Two of one host differ by their numbers.
std::string instance_name() {
  Error ignored;
  const auto host = asio::ip::host_name(ignored);
  return (host.empty() ? "localhost" : host) + '/' + std::to_string(::getpid());
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text.empty() ? "nothing" : text;
}

std::unique_ptr<telemetry::Tracer> make_tracer(const Settings& settings, telemetry::Metrics& metrics) {
  if (!settings.tracing.enabled) return nullptr;
  return std::make_unique<telemetry::Tracer>(tracer_options(settings), metrics);
}

std::unique_ptr<outbound::TraceExporter> make_trace_exporter(const Settings& settings, telemetry::Tracer* tracer,
                                                             telemetry::Metrics& metrics) {
  if (tracer == nullptr) return nullptr;
  auto options = trace_exporter_options(settings);
  options.instance = instance_name();
  return std::make_unique<outbound::TraceExporter>(std::move(options), *tracer, metrics);
}

Process::IoThread::IoThread(Process& process, const Settings& settings,
                            const std::shared_ptr<identity::CheckedTokens>& checked)
    : redis(context, redis_options(settings), process.metrics_),
      sales(context, catalog, process.directory_, redis),
      checkout(checkout_options(settings),
               {context, redis, catalog, sales, process.upkeep_, process.journal_, process.lookup_, process.permits_,
                process.metrics_, process.tracer_.get(), process.origins_}),
      tokens(token_options(settings), checked),
      webhooks(webhook_verifier(settings)),
      public_api(process.parts_,
                 {context, catalog, sales, checkout, tokens, webhooks, process.behaviour_ ? &behaviour : nullptr},
                 {process.stream_places_, shop_options(settings)}),
      admin_api(process.parts_, {context, catalog, sales, checkout, tokens, webhooks, nullptr},
                {process.watch_links_, instance_name()}) {}

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

Process::Process(const Settings& settings, postgres::EventAgreement& agreement, std::function<Settings()> read_again)
    : settings_(settings),
      read_again_(std::move(read_again)),
      tracer_(make_tracer(settings, metrics_)),
      trace_exporter_(make_trace_exporter(settings, tracer_.get(), metrics_)),
      permits_(permits_options(settings)),
      trusted_proxies_(settings.http.trusted_proxies),
      admin_tokens_(settings.admin.tokens),
      stream_places_(stream_options(settings)),
      watch_links_(settings.admin.watch_secret),
      upkeep_({.postgres = postgres_options(settings), .redis = redis_options(settings)}, metrics_),
      directory_({.postgres = postgres_options(settings), .redis = redis_options(settings)}, pulse_mail_),
      pulse_({.redis = redis_options(settings), .interval = milliseconds(settings.catalog.pulse_ms)}, pulse_mail_,
             directory_, upkeep_, metrics_),
      journal_({.postgres = postgres_options(settings),
                .workers = settings.journal.workers,
                .batch_max = settings.journal.batch_max},
               metrics_),
      lookup_({.postgres = postgres_options(settings),
               .workers = settings.lookup.workers,
               .batch_max = settings.lookup.batch_max,
               .queue_max = settings.lookup.queue_max},
              metrics_),
      sweeper_({.postgres = postgres_options(settings),
                .redis = redis_options(settings),
                .interval = milliseconds(settings.sweeper.interval_ms),
                .older_than = milliseconds(settings.sweeper.older_than_ms),
                .in_flight_max = settings.sweeper.in_flight_max,
                .behaviour_keep = std::chrono::seconds(settings.behaviour.keep_s)},
               upkeep_, journal_, metrics_),
      payment_sweeper_({.postgres = postgres_options(settings),
                        .redis = redis_options(settings),
                        .interval = milliseconds(settings.payments.expiry_interval_ms),
                        .patience = std::chrono::seconds(settings.payments.patience_s),
                        .unknown_orders = unknown_orders(settings)},
                       upkeep_, metrics_),
      retention_({.postgres = postgres_options(settings),
                  .redis = redis_options(settings),
                  .keep = std::chrono::seconds(settings.retention.redis_keep_s)},
                 metrics_),
      drift_watch_({.postgres = postgres_options(settings),
                    .redis = redis_options(settings),
                    .interval = milliseconds(settings.audit.interval_ms)},
                   upkeep_, metrics_),
      store_watch_({.postgres = postgres_options(settings), .redis = redis_options(settings)}, metrics_),
      events_(event_options(settings), event_sinks(settings, metrics_), metrics_),
      agreement_watch_(agreement, settings.events.enabled),
      operations_(pool_options(settings, "operations", settings.admin.threads, kOperationQueueMax), metrics_),
      switches_(pool_options(settings, "switches", kSwitchThreads, kSwitchQueueMax), metrics_),
      buyers_(pool_options(settings, "buyers", kBuyerThreads, kBuyerQueueMax), metrics_),
      payment_operations_(pool_options(settings, "payments", kPaymentThreads, kPaymentQueueMax), metrics_),
      payment_intake_(payment_operations_, upkeep_, [this] { return pulse_.age(); }),
      reports_(pool_options(settings, "reports", kReportThreads, kReportQueueMax), metrics_),
      feed_(pool_options(settings, "feed", kFeedThreads, kFeedQueueMax), metrics_),
      exports_(pool_options(settings, "exports", kExportsMax, 0), metrics_),
      endpoints_(pool_options(settings, "endpoints", kEndpointThreads, kEndpointQueueMax), metrics_),
      webhook_options_(webhook_options(settings)),
      origins_(settings.events.enabled ? settings.events.origin_key : std::string()),
      refusals_(postgres_options(settings)),
      forecasts_({.postgres = postgres_options(settings), .enabled = settings.forecast.enabled}),
      parts_{.operations = operations_,
             .switches = switches_,
             .buyers = buyers_,
             .payments = payment_operations_,
             .payment_intake = payment_intake_,
             .reports = reports_,
             .feed = feed_,
             .exports = exports_,
             .events = events_,
             .endpoints = endpoints_,
             .lookup = lookup_,
             .directory = directory_,
             .pulse = pulse_,
             .upkeep = upkeep_,
             .forecasts = forecasts_,
             .rate_limiter = nullptr,
             .customer_calls = nullptr,
             .gateway_peers = nullptr,
             .trusted_proxies = trusted_proxies_,
             .admin_tokens = admin_tokens_,
             .webhooks = webhook_options_,
             .origins = origins_,
             .metrics = metrics_,
             .failing_parts = [this] { return failing_parts(); },
             .event_source = settings.events.source,
             .wait = milliseconds(settings.checkout.wait_ms),
             .wait_max = milliseconds(settings.checkout.wait_max_ms),
             .payment_window_max = std::chrono::seconds(settings.payments.window_max_s),
             .customer_id_form = identity::parse_customer_id_form(settings.auth.customer_id_form).value()} {
  if (settings.rate_limit.enabled) {
    rate_limiter_ = std::make_unique<identity::CustomerRateLimiter>(rate_limiter_options(settings));
    parts_.rate_limiter = rate_limiter_.get();
    parts_.customer_calls = &customer_calls_;
  }
  parts_.logged_checkouts = logged_checkouts(settings);
  if (settings.behaviour.enabled) {
    behaviour_ = std::make_unique<checkout::BehaviourRecorder>(behaviour_options(settings), trusted_proxies_, metrics_);
  }
  if (settings.auth.mode == "gateway") {
    gateway_peers_ = std::make_unique<identity::GatewayPeers>(settings.auth.gateway_peers);
    parts_.gateway_peers = gateway_peers_.get();
  }
  const auto count =
      settings.http.threads > 0 ? settings.http.threads : std::max(1U, std::thread::hardware_concurrency());
  const auto checked = identity::make_checked_tokens(token_options(settings), count);
  for (unsigned i = 0; i < count; ++i) threads_.push_back(std::make_unique<IoThread>(*this, settings, checked));
  register_services();
  register_snapshot_readers();
}

void Process::register_services() {
  // Behind it stands all that is traced: when it stops, nothing more comes.
  if (trace_exporter_) services_.add(*trace_exporter_);
  // Behind these two stand the I/O threads, which give them their last counts when they end.
  services_.add(refusals_);
  services_.add(forecasts_);
  if (behaviour_) services_.add(*behaviour_);
  // It is stopped before all others, with a deadline: see stop().
  services_.add([this] { journal_.start(); }, [] {});
  services_.add(lookup_);
  services_.add([this] { start_io_threads(); }, [this] { stop_io_threads(); });
  services_.add(directory_);
  services_.add(
      [this] { pulse_.start([this](const std::shared_ptr<const catalog::Snapshot>& snapshot) { publish(snapshot); }); },
      [this] { pulse_.stop(); });
  // Behind the directory, whose last look is to cover what a rebuild in hand still writes.
  services_.add(
      [this] {
        upkeep_.start({[this] { directory_.reload(); },
                       [this](catalog::SoldOutMarks marks) { pulse_mail_.put(std::move(marks)); }});
      },
      [this] { upkeep_.stop(); });
  services_.add(sweeper_);
  services_.add(payment_sweeper_);
  services_.add(retention_);
  services_.add(drift_watch_);
  services_.add(store_watch_);
  services_.add(events_);
  services_.add(agreement_watch_);
  services_.add(operations_);
  services_.add(switches_);
  services_.add(buyers_);
  services_.add([] {}, [this] { payment_intake_.stop(); });
  services_.add(payment_operations_);
  services_.add(reports_);
  services_.add(feed_);
  services_.add(exports_);
  services_.add(endpoints_);
}

void Process::register_snapshot_readers() {
  on_snapshot_.emplace_back([this](const auto& snapshot) { hand_to_io_threads(snapshot); });
  on_snapshot_.emplace_back([this](const auto& snapshot) { sweeper_.observe(snapshot); });
  if (behaviour_) on_snapshot_.emplace_back([this](const auto& snapshot) { behaviour_->observe(snapshot); });
  on_snapshot_.emplace_back([this](const auto& snapshot) { drift_watch_.observe(snapshot); });
  on_snapshot_.emplace_back([this](const auto& snapshot) { retention_.observe(snapshot); });
  on_snapshot_.emplace_back([this](const auto& snapshot) { forecasts_.observe(snapshot); });
  on_snapshot_.emplace_back([this](const auto&) { observe_orders_in_flight(); });
  on_snapshot_.emplace_back([this](const auto& snapshot) { latest_.set(snapshot); });
  metrics_.on_serialize([this](auto& families) {
    if (const auto snapshot = latest_.get()) catalog::add_item_metrics(*snapshot, families);
  });
  metrics_.on_serialize([this](auto& families) { add_failing_parts(failing_parts(), families); });
  metrics_.on_serialize([this](auto& families) { agreement_watch_.add_metrics(families); });
  metrics_.on_serialize([this](auto& families) {
    admin::add_forecast_metrics(*forecasts_.latest(), settings_.forecast.instance_capacity_per_s, families);
  });
}

/// What keeps this instance from selling, for /readyz.
std::vector<std::string_view> Process::failing_parts() const {
  std::vector<std::string_view> failing;
  if (draining_) failing.emplace_back(part::kDraining);
  if (pulse_.age() > kPulseAgeMax) failing.emplace_back(part::kRedis);
  if (!directory_.postgres_reached()) failing.emplace_back(part::kPostgres);
  if (!directory_.is_loaded()) failing.emplace_back(part::kCatalog);
  return failing;
}

void Process::publish(const std::shared_ptr<const catalog::Snapshot>& snapshot) {
  for (const auto& read : on_snapshot_) read(snapshot);
}

/// Each gets it in its own loop.
void Process::hand_to_io_threads(const std::shared_ptr<const catalog::Snapshot>& snapshot) {
  // Of a beat that began when everything was there.
  const bool is_whole = std::exchange(nothing_failed_, failing_parts().empty());
  for (const auto& thread : threads_) {
    asio::post(thread->context, [this, &thread = *thread, snapshot, is_whole] {
      thread.catalog.replace(snapshot);
      thread.checkout.snapshot_replaced();
      refusals_.add(thread.checkout.take_refusals());
      forecasts_.add(thread.checkout.take_arrivals(), *snapshot);
      if (behaviour_) behaviour_->take(thread.behaviour);
      if (is_whole && thread.redis.ready()) thread.can_sell = true;
      // The server's identity can change under a living connection (PROTOCOL R6).
      const bool differs = thread.redis.ready() && thread.redis.identity() != snapshot->redis_identity;
      if (snapshot->redis_reached && differs) thread.redis.reconnect();
    });
  }
}

void Process::observe_orders_in_flight() {
  permits_.adapt();
  metrics_.queue_depth("orders_in_flight").Set(static_cast<double>(permits_.taken()));
  metrics_.queue_depth("orders_in_flight_limit").Set(static_cast<double>(permits_.limit()));
}

void Process::start_io_threads() {
  for (const auto& thread : threads_) thread->thread = std::thread([&io = *thread] { io.run(); });
}

void Process::stop_io_threads() {
  for (const auto& thread : threads_) {
    asio::post(thread->context, [this, &io = *thread] {
      refusals_.add(io.checkout.take_refusals());
      forecasts_.add(io.checkout.take_arrivals(), *io.catalog.snapshot());
      if (behaviour_) behaviour_->take(io.behaviour);
      io.checkout.stop();
      io.redis.stop();
      io.context.stop();
    });
  }
  for (const auto& thread : threads_) thread->thread.join();
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
  // Whoever only looks on leaves room for those who buy.
  stream_places_.bound(public_options.connections_max / 2);
  public_server_ = std::make_unique<http::Server>(public_options, workers, metrics_, tracer_.get());
  const std::vector<http::Worker> admin_worker{{&threads_.front()->context, &threads_.front()->admin_api.routes()}};
  admin_server_ = std::make_unique<http::Server>(admin_http_options(settings_), admin_worker, metrics_, tracer_.get());
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
  bool has_new_links = false;  // without a secret they have a key of their own, which stays
  try {
    const Settings fresh = read_again_();
    change = compare_settings(settings_, fresh);
    has_new_links = settings_.admin.watch_secret != fresh.admin.watch_secret;
    take_credentials(settings_, fresh);
  } catch (const std::exception& error) {
    return telemetry::log_error("settings were not read again: all stays as it was", {{"error", error.what()}});
  }
  const auto credentials = std::make_shared<const Settings>(settings_);
  // A new memory with the new keys: a token of a key that is gone is not known any more.
  const auto checked = identity::make_checked_tokens(token_options(settings_), static_cast<unsigned>(threads_.size()));
  for (const auto& thread : threads_) {
    asio::post(thread->context, [&io = *thread, credentials, checked] {
      io.tokens = identity::TokenVerifier(token_options(*credentials), checked);
      io.webhooks = webhook_verifier(*credentials);
      io.public_api.replace_shop_options(shop_options(*credentials));
    });
  }
  asio::post(threads_.front()->context, [this, credentials, has_new_links] {
    admin_tokens_ = identity::AdminTokens(credentials->admin.tokens);
    if (has_new_links) watch_links_ = identity::WatchLinks(credentials->admin.watch_secret);
    threads_.front()->admin_api.tokens_replaced();
  });
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

/// Requests finish, the journal drains, then the services end from the last to the first.
void Process::stop() {
  draining_ = true;
  public_server_->start_draining();
  // Who listens is not waited for.
  for (const auto& thread : threads_) {
    asio::post(thread->context, [&io = *thread] {
      io.public_api.start_draining();
      io.admin_api.start_draining();
    });
  }
  std::this_thread::sleep_for(milliseconds(settings_.shutdown.delay_ms));
  const auto deadline = Steady::now() + milliseconds(settings_.shutdown.drain_timeout_ms);
  public_server_->stop_accepting();
  wait_until(deadline, [this] { return public_server_->connections() == 0 && permits_.taken() == 0; });
  admin_server_->stop_accepting();
  wait_until(std::min(deadline, Steady::now() + milliseconds(2000)),
             [this] { return admin_server_->connections() == 0; });
  // A PostgreSQL that is frozen, or answers nobody who connects, must not hold up the end.
  const auto end = deadline + kCutAfterDeadline;
  postgres::CallWatch::instance().cut_all_at(end);
  postgres::give_up_connecting_at(end);
  journal_.stop(deadline);
  // Settled orders' log entries are trimmed in the loop's next turns.
  std::this_thread::sleep_for(kStopPoll * 2);
  public_server_->abort();
  admin_server_->abort();
  // Nobody waits for anything any more. What stops one after the other would wait for a store as often, all in all.
  const auto last_connect = std::min(end, Steady::now() + kConnectWhenStopping);
  postgres::give_up_connecting_at(last_connect);
  redis::give_up_connecting_at(last_connect);
  services_.stop();
  telemetry::log_info("stopped", {{"orders_left", permits_.taken()}});
}

int Process::run() {
  services_.start();
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

/// True: no process is connected that does otherwise; otherwise the reason is on stderr. One that is on its way down is
/// waited for.
bool agrees_about_events(postgres::EventAgreement& agreement, bool enabled) {
  const auto deadline = Steady::now() + kWaitForStores;
  for (;;) {
    const auto others = agreement.look();
    if (agreement.has_joined()) return true;
    if (Steady::now() >= deadline) {
      std::cerr << "flashsaled: refusing to start: ";
      if (!others) std::cerr << "postgres: " << others.error().message() << '\n';
      else
        std::cerr << "events.enabled is " << (enabled ? "true" : "false") << " here, and not in " << *others
                  << " processes that are connected: give all the same value, and stop those to change it\n";
      return false;
    }
    telemetry::log_warn("waiting for processes with another events.enabled to end", {});
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
  postgres::EventAgreement agreement(postgres::with_brief_waits(postgres_options(settings)), settings.events.enabled);
  if (stores_are_good(settings, excessive) && agrees_about_events(agreement, settings.events.enabled)) {
    telemetry::start_log({settings.log.level, settings.log.format});
    for (const auto& warning : token_warnings(settings)) telemetry::log_warn("tokens", {{"warning", warning}});
    if (settings.shop.demo) {
      telemetry::log_warn(
          "shop.demo is on: whoever asks from this machine is given a buyer's token, and pays for nothing",
          {{"jwt_issuer", settings.jwt.issuer}});
    }
    for (const auto& more : excessive) {
      telemetry::log_warn("this process may do more in a store than it needs", {{"what", more}});
    }
    postgres::leave_events(settings.events.enabled);
    Process process(settings, agreement, std::move(read_again));
    status = process.run();
  }
  telemetry::shutdown_log();
  if (postgres::is_still_connecting()) std::_Exit(status);
  return status;
}

}  // namespace flashsale::app
