#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>

#include "client_token.hpp"
#include "flashsale/app/commands.hpp"
#include "flashsale/events/feed_client.hpp"
#include "flashsale/insight/report.hpp"
#include "flashsale/insight/state.hpp"
#include "flashsale/telemetry/log.hpp"
#include "insight_exporter.hpp"
#include "state_file.hpp"

namespace flashsale::app {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// So often rates are told anew when nothing happens.
constexpr std::chrono::seconds kWait{5};
constexpr milliseconds kSaveInterval{5000};
constexpr milliseconds kShowInterval{1000};
constexpr milliseconds kPauseMin{100};
constexpr milliseconds kPauseMax{30'000};
constexpr int kTriesOnce = 5;
constexpr int kTriesToken = 3;
constexpr std::int32_t kPageEvents = 1000;
/// A page that is shorter in both ways was the last.
constexpr std::size_t kPageBytes = std::size_t{1024} * 1024;

TimePoint now() { return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()); }

/// Evenly between nothing and twice as much with each failure: readers that have lost one server do not come back at
/// once.
milliseconds pause_after(std::int64_t failures) {
  static std::mt19937 random{std::random_device{}()};
  const auto most = std::min<std::int64_t>(kPauseMax.count(), 250LL << std::min<std::int64_t>(failures, 10));
  return milliseconds(std::uniform_int_distribution<std::int64_t>(kPauseMin.count(), most)(random));
}

/// Whether the answer will be the same however often it is asked for.
bool is_final(int status) { return status == 400 || status == 403 || status == 404 || status == 409 || status == 410; }

std::string reason_of(const events::FeedClient::Answer& answer) {
  if (answer.status == 0) return answer.error;
  if (answer.status == 200) return "the answer is no page of events";
  auto reason = "answered " + std::to_string(answer.status);
  const auto problem = nlohmann::json::parse(answer.body, nullptr, false);
  if (!problem.is_object()) return reason;
  const auto detail = problem.find("detail");
  const auto oldest = problem.find("oldest_after");
  if (detail != problem.end() && detail->is_string()) reason += ": " + detail->get<std::string>();
  if (oldest != problem.end() && oldest->is_number_integer())
    reason += "; what was before is gone: begin anew, without the state, with --after " + oldest->dump();
  if (answer.status == 409) reason += "; PostgreSQL was put back to an older state: begin anew, without the state";
  return reason;
}

class InsightProcess {
 public:
  InsightProcess(const InsightOptions& options, const std::string& url, insight::Figures figures)
      : options_(options), figures_(std::move(figures)), client_(url), exporter_(options.listen, [this] { stop(); }) {}

  [[nodiscard]] int run();

 private:
  void stop();
  void pause(milliseconds time);
  [[nodiscard]] events::FeedClient::Answer ask();
  [[nodiscard]] bool take(const events::FeedClient::Answer& answer);
  [[nodiscard]] bool fail(const events::FeedClient::Answer& answer);
  [[nodiscard]] bool save();
  [[nodiscard]] bool is_saved() const;
  void show();
  void keep_up();

  InsightOptions options_;
  insight::Figures figures_;
  insight::Reading reading_;
  std::int64_t failures_ = 0;  ///< one behind the other
  bool is_at_end_ = false;
  Clock::time_point saved_at_{};
  std::optional<std::int64_t> saved_position_;  ///< these two: of the last state that was written
  std::optional<insight::Figures::Counts> saved_counts_;
  Clock::time_point shown_at_{};
  std::atomic<bool> is_stopping_{false};
  std::mutex mutex_;
  std::condition_variable stopping_;
  events::FeedClient client_;
  InsightExporter exporter_;
};

void InsightProcess::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stopping_.notify_all();
  client_.interrupt();
}

void InsightProcess::pause(milliseconds time) {
  std::unique_lock lock(mutex_);
  stopping_.wait_for(lock, time, [this] { return is_stopping_.load(); });
}

events::FeedClient::Answer InsightProcess::ask() {
  try {
    const auto wait = options_.once ? std::chrono::seconds(0) : kWait;
    return client_.get({figures_.position(), kPageEvents, wait}, read_client_token());
  } catch (const SettingsError& missing) {
    return {.error = missing.what()};
  }
}

/// False: it was no page.
bool InsightProcess::take(const events::FeedClient::Answer& answer) {
  const auto page = answer.status == 200 ? insight::parse_feed_page(answer.body) : std::nullopt;
  if (!page) return false;
  figures_.take(*page);
  const auto events = page->events.size() + page->unreadable;
  is_at_end_ = events < kPageEvents && answer.body.size() < kPageBytes;
  reading_.answered_at = now();
  failures_ = 0;
  return true;
}

/// False: it is of no use to ask again.
bool InsightProcess::fail(const events::FeedClient::Answer& answer) {
  ++failures_;
  ++reading_.failures;
  const auto reason = reason_of(answer);
  // A token that is being replaced may be read anew in a moment.
  const bool is_nobodys = answer.status == 401 && failures_ == kTriesToken;
  if (is_final(answer.status) || is_nobodys || (options_.once && failures_ == kTriesOnce)) {
    std::cerr << "flashsaled: insight: the feed: " << reason << '\n';
    return false;
  }
  const auto time = pause_after(failures_);
  telemetry::log_warn("the feed cannot be read, and is asked again",
                      {{"reason", reason}, {"failures", failures_}, {"pause_ms", time.count()}});
  show();
  pause(time);
  return true;
}

bool InsightProcess::save() {
  saved_at_ = Clock::now();
  if (options_.state_file.empty()) return true;
  const auto error = write_state_file(options_.state_file, insight::write_state(figures_));
  if (error) {
    telemetry::log_error("the state cannot be written", {{"file", options_.state_file}, {"error", error.message()}});
    return false;
  }
  saved_position_ = figures_.position();
  saved_counts_ = figures_.counts();
  return true;
}

/// Nothing changes the figures that changes neither of these.
bool InsightProcess::is_saved() const {
  return saved_counts_ == figures_.counts() && saved_position_ == figures_.position();
}

void InsightProcess::show() {
  if (options_.listen.empty()) return;
  shown_at_ = Clock::now();
  exporter_.show(insight::figures_metrics(figures_, reading_, now()));
}

/// While there are many pages to read, not with each of them; and no state anew that is written already.
void InsightProcess::keep_up() {
  if (is_at_end_ || Clock::now() - shown_at_ >= kShowInterval) show();
  if (!is_saved() && Clock::now() - saved_at_ >= kSaveInterval) static_cast<void>(save());
}

int InsightProcess::run() {
  // Whether it can be written is better known before than after.
  if (!save()) return 1;
  while (!is_stopping_ && !(options_.once && is_at_end_)) {
    const auto answer = ask();
    if (answer.is_interrupted) break;
    if (take(answer)) keep_up();
    else if (!fail(answer)) return static_cast<void>(save()), 1;
  }
  if (!save()) return 1;
  if (options_.once && is_at_end_) std::cout << insight::figures_document(figures_, now());
  return std::cout.flush() ? 0 : 1;
}

/// Throws SettingsError.
insight::Figures figures_to_begin_with(const InsightOptions& options) {
  if (!options.state_file.empty()) {
    const auto text = read_state_file(options.state_file);
    if (!text) throw SettingsError("cannot read " + options.state_file + ": " + text.error().message());
    if (*text) {
      auto figures = insight::read_state(**text, {});
      if (!figures) throw SettingsError(options.state_file + " holds no figures of this version");
      return std::move(*figures);
    }
  }
  insight::Figures figures;
  if (options.after) figures.begin_after(*options.after);
  return figures;
}

}  // namespace

int run_insight(const InsightOptions& options) {
  const char* set = std::getenv("FLASHSALE_ADMIN_URL");
  const std::string url = !options.url.empty() || set == nullptr ? options.url : set;
  if (url.empty()) throw SettingsError("flashsaled insight needs --url URL, or FLASHSALE_ADMIN_URL");
  static_cast<void>(read_client_token());
  return InsightProcess(options, url, figures_to_begin_with(options)).run();
}

}  // namespace flashsale::app
