#include "flashsale/outbound/trace_exporter.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "flashsale/telemetry/log.hpp"
#include "trace_call.hpp"
#include "trace_document.hpp"

namespace flashsale::outbound {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kBatchesMax = 2048;
constexpr std::size_t kTracesAtOnce = 256;
constexpr std::size_t kOrdersOfBatchMax = 64;
constexpr milliseconds kFlushTime{2000};
constexpr milliseconds kPauseMin{500};
constexpr milliseconds kPauseMax{30'000};
constexpr unsigned kAttemptsMax = 4;
constexpr int kNice = 10;

/// As OTLP has it: others will not become better by being sent again.
bool is_worth_another_try(const HttpClient::Answer& answer) {
  if (answer.end == HttpClient::End::failed) return true;
  return answer.status == 429 || answer.status == 502 || answer.status == 503 || answer.status == 504;
}

HttpClient::Options client_options(const TraceExporter::Options& options) {
  HttpClient::Options chosen;
  chosen.ca_file = options.ca_file;
  return chosen;
}

}  // namespace

TraceExporter::TraceExporter(Options options, telemetry::Tracer& tracer, telemetry::Metrics& metrics)
    : options_(std::move(options)),
      tracer_(tracer),
      client_(client_options(options_)),
      pause_(kPauseMin),
      taken_(metrics.traces_exports("taken")),
      refused_(metrics.traces_exports("refused")),
      failed_(metrics.traces_exports("failed")),
      lost_(metrics.traces_dropped("collector")) {}

TraceExporter::~TraceExporter() { stop(); }

void TraceExporter::start() {
  thread_ = std::thread([this] { run(); });
}

void TraceExporter::stop() {
  if (!thread_.joinable()) return;
  {
    std::unique_lock lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, kFlushTime, [this] { return has_ended_; });
  }
  client_.interrupt();
  thread_.join();
}

void TraceExporter::run() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  while (!wait(options_.interval)) send_all(false);
  send_all(true);
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  changed_.notify_all();
}

bool TraceExporter::wait(milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return is_stopping_; });
}

void TraceExporter::send_all(bool is_last) {
  for (;;) {
    const auto traces = tracer_.take(kTracesAtOnce);
    for (const auto& kept : traces) note_batches(kept);
    // The others may come yet: those that are taken now are due in the next round.
    const bool is_all = traces.size() < kTracesAtOnce;
    const auto batches = is_all ? take_due_batches(is_last) : std::vector<Batch>();
    if (traces.empty() && batches.empty()) return;
    TraceDocument document({options_.service_name, options_.instance});
    for (const auto& kept : traces) document.add(kept);
    for (const auto& batch : batches) document.add(*batch.trace, batch.orders);
    deliver(document.take_text(), traces.size());
    if (is_all) return;
  }
}

void TraceExporter::note_batches(const telemetry::KeptTrace& kept) {
  const auto& order = kept.trace.order;
  // What came before an early answer was told then.
  for (const auto& trace : {kept.is_late ? nullptr : order.reservation, order.writing}) {
    if (!trace || trace->is_told) continue;
    // While the collector takes nothing, they wait here.
    if (batches_.size() >= kBatchesMax && !batches_.contains(trace.get())) continue;
    auto& batch = batches_[trace.get()];
    batch.trace = trace;
    if (batch.orders.size() < kOrdersOfBatchMax) batch.orders.push_back(kept.trace.context);
  }
}

std::vector<TraceExporter::Batch> TraceExporter::take_due_batches(bool is_last) {
  std::vector<Batch> due;
  for (auto entry = batches_.begin(); entry != batches_.end();) {
    auto& batch = entry->second;
    if (!batch.is_due && !is_last) {
      batch.is_due = true;
      ++entry;
      continue;
    }
    batch.trace->is_told = true;
    due.push_back(std::move(batch));
    entry = batches_.erase(entry);
  }
  return due;
}

void TraceExporter::deliver(const std::string& document, std::size_t traces) {
  const auto request = trace_call(options_.url, options_.headers, document);
  for (unsigned attempt = 1;; ++attempt) {
    const auto answer = client_.send(request);
    if (is_taken(answer)) return note_success();
    note_failure(answer);
    const bool is_over = !is_worth_another_try(answer) || attempt == kAttemptsMax;
    if (is_over || wait(std::exchange(pause_, std::min(pause_ * 2, kPauseMax)))) break;
  }
  lost_.Increment(static_cast<double>(traces));
}

void TraceExporter::note_success() {
  taken_.Increment();
  pause_ = kPauseMin;
  if (std::exchange(is_failing_, false)) telemetry::log_info("traces reach their collector again");
}

/// A line when it begins: a collector can be away for days.
void TraceExporter::note_failure(const HttpClient::Answer& answer) {
  (answer.status == 0 ? failed_ : refused_).Increment();
  if (std::exchange(is_failing_, true)) return;
  telemetry::log_warn("traces do not reach their collector", {{"error", why_not_taken(answer)}});
}

}  // namespace flashsale::outbound
