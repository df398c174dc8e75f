#include "run.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>

#include "admin_client.hpp"
#include "clock.hpp"
#include "flashsale/model/time.hpp"
#include "order_list.hpp"
#include "own_sale.hpp"
#include "report_text.hpp"
#include "store_reader.hpp"
#include "worker.hpp"

namespace flashsale::load {
namespace {

constexpr std::chrono::hours kTokenLifetime{6};
constexpr std::uint32_t kGreedyOrdersMax = 8;
/// Cancellations of orders that have to be paid come so much later at most: before the payment, with it, after it.
constexpr std::uint64_t kCancelDelayNs = 2 * kSecondNs;
constexpr std::uint64_t kStartDelayNs = 50 * kMillisecondNs;

/// Empty when there is no path.
std::string read_key(const std::string& path) {
  if (path.empty()) return {};
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

double seconds_since(std::uint64_t since_ns) { return static_cast<double>(now_ns() - since_ns) / 1e9; }

Target target_of(const std::string& url) {
  ParsedTarget parsed = parse_target(url);
  if (!parsed.error.empty()) throw std::runtime_error(parsed.error);
  return std::move(parsed.target);
}

std::string mark_of(std::uint64_t number) {
  char text[16];
  std::snprintf(text, sizeof text, "%010llx", static_cast<unsigned long long>(number & 0xffffffffffU));
  return text;
}

/// Every connection is a file; the shell's limit is usually 1024.
void raise_file_limit(std::size_t connections) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  constexpr std::size_t kOtherFiles = 64;
  if (limit.rlim_cur < connections + kOtherFiles) {
    throw std::runtime_error("only " + std::to_string(limit.rlim_cur) + " files may be open: ulimit -n");
  }
}

/// Everything that lives as long as a run.
class Run {
 public:
  Run(const Options& options, const std::atomic<bool>& is_stopping)
      : options_(options), is_stopping_(is_stopping), admin_(target_of(options.admin_url), options.admin_token) {
    for (const std::string& url : options.urls) targets_.push_back(target_of(url));
    raise_file_limit(connections());
  }

  Result execute();

 private:
  [[nodiscard]] std::size_t connections() const {
    return options_.rate_per_s > 0 ? options_.open_connections : options_.connections;
  }
  void prepare_sale();
  void sign_tokens();
  void make_workers();
  void load();
  void show_progress();
  void show_seconds(std::size_t& shown, bool all);
  void collect();
  void await_payments();
  void await_settling();
  void judge(StoreContents& store);
  void write_orders(const std::vector<KeyRecord>& keys) const;
  void check_answers();
  [[nodiscard]] Worker::Parameters parameters_of(unsigned share) const;
  [[nodiscard]] Traffic::Parameters traffic_of(unsigned share) const;
  [[nodiscard]] PaymentProvider::Parameters payments_of(unsigned share) const;
  [[nodiscard]] std::uint64_t payment_window_ns() const { return options_.create_payment_window_s * kSecondNs; }

  Options options_;
  const std::atomic<bool>& is_stopping_;
  AdminClient admin_;
  std::optional<OwnSale> own_sale_;
  std::vector<Target> targets_;
  Result result_;
  Expectation expectation_;
  std::unique_ptr<TokenMint> tokens_;
  std::unique_ptr<RequestText> text_;
  std::unique_ptr<PaymentText> payment_text_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::uint64_t start_ns_ = 0;
  std::uint64_t loaded_ns_ = 0;
  std::uint64_t quiet_ns_ = 0;  ///< from then on nothing but the servers' own work changes anything
  PaymentHistory payments_;
  std::string audit_;
};

void Run::prepare_sale() {
  std::random_device device;
  const std::uint64_t fresh = (std::uint64_t{device()} << 32) | device();
  result_.seed = options_.seed != 0 ? options_.seed : fresh >> 16;
  // Of the moment and not of the seed: the same seed again must not meet its own orders.
  expectation_.run_mark = mark_of(fresh);
  const bool creates = options_.create_stock >= 0;
  expectation_.sale_id = creates ? "load-" + expectation_.run_mark : options_.sale;
  expectation_.is_own_sale = creates;
  expectation_.is_to_be_paid = options_.create_payment_window_s > 0;
  expectation_.redis_may_be_lost = options_.redis_may_be_lost;
  expectation_.is_behind_proxy = options_.is_behind_proxy;
  if (creates) {
    own_sale_.emplace(admin_, AdminClient::NewSale{expectation_.sale_id, options_.items, options_.create_stock,
                                                   options_.create_limit, options_.create_payment_window_s});
    if (options_.keep_open) own_sale_->keep_open();
  }
  expectation_.items = admin_.items_of(expectation_.sale_id);
  expectation_.sale = read_sale_identity(options_.postgres_url, expectation_.sale_id);
  result_.sale_id = expectation_.sale_id;
}

void Run::sign_tokens() {
  const std::uint64_t begin = now_ns();
  identity::TokenOptions token_options;
  token_options.secret = options_.jwt_secret;
  token_options.issuer = options_.jwt_issuer;
  token_options.audience = options_.jwt_audience;
  tokens_ = std::make_unique<TokenMint>(token_options, options_.buyers, std::chrono::system_clock::now(),
                                        kTokenLifetime, options_.threads, read_key(options_.jwt_es256_key_path));
  result_.tokens_s = seconds_since(begin);
}

Traffic::Parameters Run::traffic_of(unsigned share) const {
  Traffic::Parameters traffic;
  traffic.mix = options_.mix;
  traffic.buyers = options_.buyers;
  traffic.items = static_cast<std::uint16_t>(expectation_.items.size());
  std::int64_t limit = 0;
  for (const Expectation::Item& item : expectation_.items) limit = std::max(limit, item.limit_per_customer);
  if (!options_.sku.empty()) {
    const auto item = std::find_if(expectation_.items.begin(), expectation_.items.end(),
                                   [&](const Expectation::Item& one) { return one.sku == options_.sku; });
    if (item == expectation_.items.end()) throw std::runtime_error("the sale has no item " + options_.sku);
    traffic.first_item = static_cast<std::uint16_t>(item - expectation_.items.begin());
    traffic.items = 1;
    limit = item->limit_per_customer;
  }
  traffic.greedy_orders = static_cast<std::uint32_t>(std::clamp<std::int64_t>(limit + 1, 2, kGreedyOrdersMax));
  traffic.queue_max = std::max(1U, options_.queue / options_.threads);
  traffic.seed = result_.seed;
  traffic.share = share;
  traffic.shares = options_.threads;
  traffic.cancel_delay_ns = std::min(payment_window_ns(), kCancelDelayNs);
  return traffic;
}

PaymentProvider::Parameters Run::payments_of(unsigned share) const {
  PaymentProvider::Parameters payments;
  payments.mix = options_.mix;
  payments.window_ns = payment_window_ns();
  payments.seed = result_.seed;
  payments.share = share;
  payments.shares = options_.threads;
  return payments;
}

Worker::Parameters Run::parameters_of(unsigned share) const {
  Worker::Parameters parameters;
  parameters.text = text_.get();
  parameters.targets = targets_;
  parameters.payment_text = payment_text_.get();
  parameters.traffic = traffic_of(share);
  parameters.payments = payments_of(share);
  parameters.is_open_loop = options_.rate_per_s > 0;
  parameters.rate_per_s = options_.rate_per_s;
  parameters.arrivals = options_.arrivals;
  parameters.connections = (connections() + options_.threads - 1 - share) / options_.threads;
  parameters.timeout_ns = options_.timeout_ms * kMillisecondNs;
  parameters.start_ns = start_ns_;
  parameters.load_ns = options_.seconds * kSecondNs;
  parameters.settle_ns = options_.settle_s * kSecondNs;
  parameters.is_stopping = &is_stopping_;
  return parameters;
}

void Run::make_workers() {
  std::vector<std::string> skus;
  std::vector<std::string> hosts;
  for (const Expectation::Item& item : expectation_.items) skus.push_back(item.sku);
  for (const Target& target : targets_) hosts.push_back(target.host);
  text_ = std::make_unique<RequestText>(*tokens_, expectation_.sale_id, expectation_.sale, expectation_.run_mark, skus,
                                        hosts);
  if (const auto signer = WebhookSigner::parse(options_.webhook_secret)) {
    payment_text_ = std::make_unique<PaymentText>(*signer, expectation_.run_mark, hosts);
  }
  start_ns_ = now_ns() + kStartDelayNs;
  result_.started_at = format_rfc3339(std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()));
  for (unsigned share = 0; share < options_.threads; ++share) {
    workers_.push_back(std::make_unique<Worker>(parameters_of(share)));
  }
}

/// Shows the seconds that every worker has finished.
void Run::show_seconds(std::size_t& shown, bool all) {
  std::vector<std::vector<Interval>> intervals;
  std::size_t finished = all ? 0 : ~std::size_t{0};
  for (const auto& worker : workers_) {
    intervals.push_back(worker->intervals());
    finished = all ? std::max(finished, intervals.back().size()) : std::min(finished, intervals.back().size());
  }
  for (; shown < finished; ++shown) {
    std::vector<const Interval*> same_second;
    for (const auto& of_worker : intervals) {
      if (shown < of_worker.size()) same_second.push_back(&of_worker[shown]);
    }
    result_.seconds.push_back(merge(same_second));
    std::fprintf(stderr, "%s\n", progress_line(shown + 1, result_.seconds.back()).c_str());
  }
}

void Run::show_progress() {
  constexpr std::chrono::milliseconds kEvery{200};
  const auto is_loading = [](const auto& worker) { return worker->is_loading(); };
  std::size_t shown = 0;
  while (std::any_of(workers_.begin(), workers_.end(), is_loading)) {
    show_seconds(shown, false);
    std::this_thread::sleep_for(kEvery);
  }
  loaded_ns_ = now_ns();
  show_seconds(shown, true);
}

void Run::load() {
  std::vector<std::thread> threads;
  for (const auto& worker : workers_) threads.emplace_back([&worker] { worker->run(); });
  show_progress();
  for (std::thread& thread : threads) thread.join();
  quiet_ns_ = expectation_.is_to_be_paid ? now_ns() : loaded_ns_;
}

void Run::collect() {
  for (const auto& worker : workers_) {
    result_.total.merge(worker->tally().counters);
    result_.in_time.merge(worker->in_time());
    for (std::size_t i = 0; i < kGroups; ++i) result_.latencies[i].merge(worker->tally().latencies[i]);
    for (const PaymentMessage& message : worker->payments()) {
      if (message.attempts > 0) payments_.messages.push_back(message);
    }
    result_.client_cpu_s += static_cast<double>(worker->load_cpu_ns()) / 1e9;
    result_.load_s = std::max(result_.load_s, static_cast<double>(worker->load_wall_ns()) / 1e9);
  }
  result_.payment_messages = payments_.messages.size();
  const auto& answers = result_.total.payments;
  const std::uint64_t refused =
      result_.total.by_kind[static_cast<std::size_t>(Kind::pay)][static_cast<std::size_t>(Outcome::refused)];
  // Such a run would show nothing about payments, and pass.
  if (refused > 0 && std::accumulate(answers.begin(), answers.end(), std::uint64_t{0}) == 0) {
    throw std::runtime_error("every payment was refused: is the webhook secret the servers' own?");
  }
}

/// Orders that nobody has paid end by themselves.
void Run::await_payments() {
  constexpr std::chrono::milliseconds kEvery{250};
  const std::uint64_t deadline = quiet_ns_ + payment_window_ns() + options_.settle_s * kSecondNs;
  std::fprintf(stderr, "waiting until no order can be paid any more\n");
  while (has_open_payments(options_.postgres_url, expectation_) && now_ns() < deadline) {
    std::this_thread::sleep_for(kEvery);
  }
  quiet_ns_ = now_ns();
}

/// Stock must be whole again within a bounded time, with nobody's help (P5).
void Run::await_settling() {
  constexpr std::chrono::milliseconds kEvery{250};
  const std::uint64_t deadline = quiet_ns_ + options_.settle_s * kSecondNs;
  for (;;) {
    try {
      audit_ = admin_.audit(expectation_.sale_id);
    } catch (const std::runtime_error&) {
      // A sale that is being rebuilt cannot be audited yet.
      if (now_ns() > deadline) throw;
      std::this_thread::sleep_for(kEvery);
      continue;
    }
    const auto audit = parse_audit(audit_);
    // Consistent with what still has to be written, and with units that still have to be given back; neither lasts.
    bool is_whole = audit && audit->is_consistent;
    for (const Audit::Item& item : audit ? audit->items : std::vector<Audit::Item>()) {
      is_whole = is_whole && item.pending == 0 && item.stock == item.remaining + item.live_units;
    }
    result_.settled_s = seconds_since(loaded_ns_);
    result_.has_settled = is_whole;
    if (result_.has_settled || now_ns() > deadline) return;
    std::this_thread::sleep_for(kEvery);
  }
}

/// Through another name: whoever waits for the file finds all of it.
void Run::write_orders(const std::vector<KeyRecord>& keys) const {
  if (options_.orders_path.empty()) return;
  const std::string path = options_.orders_path + ".new";
  std::ofstream file(path, std::ios::binary);
  write_order_list(file, expectation_, keys);
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
  std::filesystem::rename(path, options_.orders_path);
}

void Run::judge(StoreContents& store) {
  std::vector<KeyRecord> keys;
  for (const auto& worker : workers_) worker->keys().move_to(keys);
  write_orders(keys);
  result_.verdict = check(expectation_, keys, store.orders, store.items, parse_audit(audit_));
  if (!expectation_.is_to_be_paid) return;
  payments_.payments = std::move(store.payments);
  payments_.refunds = std::move(store.refunds);
  check_payments(expectation_, keys, store.orders, payments_, *result_.verdict);
}

void Run::check_answers() {
  if (expectation_.is_to_be_paid) {
    await_settling();  // the time to pay begins when a row is written
    await_payments();
  }
  StoreContents store;
  for (bool is_one_state = false; !is_one_state;) {
    await_settling();
    store = read_store(options_.postgres_url, expectation_);
    // A call that its buyer has given up on may be carried out late, between the two.
    is_one_state = !result_.has_settled || parse_audit(audit_) == parse_audit(admin_.audit(expectation_.sale_id));
  }
  judge(store);
}

Result Run::execute() {
  std::fprintf(stderr, "signing %s tokens\n", with_thousands(options_.buyers).c_str());
  sign_tokens();
  prepare_sale();
  make_workers();
  std::fprintf(stderr, "%s for %u s, sale %s\n", loop_of(options_).c_str(), options_.seconds,
               expectation_.sale_id.c_str());
  load();
  collect();
  if (options_.with_check) check_answers();
  result_.options = options_;
  result_.options.admin_token.clear();
  result_.options.jwt_secret.clear();
  result_.options.postgres_url.clear();
  result_.options.webhook_secret.clear();
  return std::move(result_);
}

}  // namespace

Result run(const Options& options, const std::atomic<bool>& is_stopping) { return Run(options, is_stopping).execute(); }

}  // namespace flashsale::load
