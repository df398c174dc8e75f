#include "flashsale/telemetry/log.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

#include "flashsale/model/json_text.hpp"
#include "flashsale/model/time.hpp"

namespace flashsale::telemetry {
namespace {

constexpr std::size_t kQueuedLinesMax = 8192;
constexpr std::size_t kStringBytesMax = 2048;
constexpr std::chrono::seconds kShutdownWait{2};

using LoggerPointer = std::shared_ptr<spdlog::logger>;

// The sink writes each line through to the descriptor, so nothing is left in a buffer for a timer to flush.
spdlog::sink_ptr make_sink() { return std::make_shared<spdlog::sinks::stderr_sink_mt>(); }

void configure(spdlog::logger& logger, spdlog::level::level_enum level) {
  logger.set_pattern("%v");
  logger.set_level(level);
  logger.flush_on(spdlog::level::err);
  // A line that could not be written has nowhere to be reported.
  logger.set_error_handler([](const std::string&) {});
}

/// The process's logger. Never destroyed: other objects with static lifetime may log while they are destroyed.
struct LogState {
  LoggerPointer direct;    ///< writes before start_log and after shutdown_log
  LoggerPointer deferred;  ///< hands lines to `pool`; kept after the shutdown, since a thread may be inside it
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::atomic<spdlog::logger*> current{direct.get()};
  std::atomic<bool> is_text{false};

  LogState() : direct(std::make_shared<spdlog::logger>("direct", make_sink())) {
    configure(*direct, spdlog::level::info);
  }
};

LogState& state() {
  static LogState* const instance = new LogState;
  return *instance;
}

spdlog::level::level_enum parse_level(std::string_view name) {
  if (name == "trace") return spdlog::level::trace;
  if (name == "debug") return spdlog::level::debug;
  if (name == "info") return spdlog::level::info;
  if (name == "warn") return spdlog::level::warn;
  if (name == "error") return spdlog::level::err;
  throw std::invalid_argument("log.level must be trace, debug, info, warn or error");
}

bool parse_is_text(std::string_view format) {
  if (format != "json" && format != "text") throw std::invalid_argument("log.format must be json or text");
  return format == "text";
}

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace: return "trace";
    case spdlog::level::debug: return "debug";
    case spdlog::level::warn: return "warn";
    case spdlog::level::err: return "error";
    case spdlog::level::critical: return "critical";
    default: return "info";
  }
}

/// At most kStringBytesMax of `text`, cut between two characters.
std::string_view bounded(std::string_view text) {
  if (text.size() <= kStringBytesMax) return text;
  std::size_t end = kStringBytesMax;
  for (int i = 0; i < 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++i) --end;
  return text.substr(0, end);
}

/// A JSON string: with its control characters escaped, no value can forge a line.
void append_quoted(std::string& out, std::string_view text) {
  const std::string_view kept = bounded(text);
  append_json_string(out, kept);
  if (kept.size() < text.size()) out.insert(out.size() - 1, "…");
}

void append_unquoted(std::string& out, std::string_view text) {
  const std::size_t begin = out.size();
  append_quoted(out, text);
  out.erase(begin, 1);
  out.pop_back();
}

template <class Number>
void append_number(std::string& out, Number number) {
  char digits[32];
  const auto result = std::to_chars(std::begin(digits), std::end(digits), number);
  out.append(digits, result.ptr);
}

void append_value(std::string& out, const Field::Value& value) {
  std::visit(
      [&out](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::string_view>) {
          append_quoted(out, v);
        } else if constexpr (std::is_same_v<T, bool>) {
          out.append(v ? "true" : "false");
        } else if constexpr (std::is_same_v<T, TraceId>) {
          append_quoted(out, to_string(v));
        } else if constexpr (std::is_same_v<T, double>) {
          // JSON has no infinities and no NaN.
          std::isfinite(v) ? append_number(out, v) : void(out.append("null"));
        } else {
          append_number(out, v);
        }
      },
      value);
}

void append_time(std::string& out) {
  const auto now = std::chrono::time_point_cast<TimePoint::duration>(std::chrono::system_clock::now());
  append_rfc3339(out, now);
  out.resize(out.size() - 4);  // milliseconds are enough here: cuts "000Z" off
  out.push_back('Z');
}

void append_json(std::string& out, spdlog::level::level_enum level, std::string_view message,
                 std::initializer_list<Field> fields) {
  out.append("{\"time\":\"");
  append_time(out);
  out.append("\",\"level\":\"");
  out.append(level_name(level));
  out.append("\",\"message\":");
  append_quoted(out, message);
  for (const Field& field : fields) {
    if (!field.is_there()) continue;
    out.push_back(',');
    append_quoted(out, field.name);
    out.push_back(':');
    append_value(out, field.value);
  }
  out.push_back('}');
}

void append_text(std::string& out, spdlog::level::level_enum level, std::string_view message,
                 std::initializer_list<Field> fields) {
  append_time(out);
  out.push_back(' ');
  const std::string_view name = level_name(level);
  out.append(name);
  if (name.size() < 5) out.append(5 - name.size(), ' ');
  out.push_back(' ');
  append_unquoted(out, message);
  for (const Field& field : fields) {
    if (!field.is_there()) continue;
    out.push_back(' ');
    append_unquoted(out, field.name);
    out.push_back('=');
    append_value(out, field.value);
  }
}

/// Ends the pool's thread after it has written what is queued. False when that took too long; the thread is then left
/// behind, since nothing can be done about a reader that does not read.
bool drain(std::shared_ptr<spdlog::details::thread_pool> pool) {
  std::promise<void> drained;
  std::future<void> is_drained = drained.get_future();
  std::thread([pool = std::move(pool), drained = std::move(drained)]() mutable {
    pool.reset();
    drained.set_value();
  }).detach();
  return is_drained.wait_for(kShutdownWait) == std::future_status::ready;
}

}  // namespace

void start_log(const LogOptions& options) {
  const spdlog::level::level_enum level = parse_level(options.level);
  const bool is_text = parse_is_text(options.format);
  LogState& log = state();
  if (log.pool) shutdown_log();
  log.pool = std::make_shared<spdlog::details::thread_pool>(kQueuedLinesMax, 1);
  log.deferred = std::make_shared<spdlog::async_logger>("deferred", make_sink(), log.pool,
                                                        spdlog::async_overflow_policy::overrun_oldest);
  configure(*log.deferred, level);
  configure(*log.direct, level);
  log.is_text = is_text;
  log.current = log.deferred.get();
}

void shutdown_log() {
  LogState& log = state();
  if (!log.pool) return;
  const std::size_t dropped = log.pool->overrun_counter();
  if (!drain(std::exchange(log.pool, nullptr))) {
    log.current = nullptr;  // a direct line would wait for the same reader
    return;
  }
  log.current = log.direct.get();
  if (dropped > 0) log_warn("log lines were dropped because the log was not read fast enough", {{"lines", dropped}});
}

void log(spdlog::level::level_enum level, std::string_view message, std::initializer_list<Field> fields) noexcept {
  try {
    spdlog::logger* const logger = state().current.load(std::memory_order_acquire);
    if (logger == nullptr || !logger->should_log(level)) return;
    thread_local std::string line;
    line.clear();
    if (state().is_text.load(std::memory_order_relaxed)) {
      append_text(line, level, message, fields);
    } else {
      append_json(line, level, message, fields);
    }
    logger->log(level, spdlog::string_view_t(line.data(), line.size()));
  } catch (...) {
    // Out of memory: losing the line is better than losing the request.
  }
}

}  // namespace flashsale::telemetry
