#pragma once
#include <spdlog/spdlog.h>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "flashsale/telemetry/trace_context.hpp"

namespace flashsale::telemetry {

struct LogOptions {
  std::string level = "info";   ///< trace, debug, info, warn, error
  std::string format = "json";  ///< json: one object a line; text: for a terminal
};

/// Sets up the process's logger (stderr, asynchronous with a bounded queue that drops the oldest, so that a stuck
/// reader of the log never stops a sale). Call once before threads start; throws std::invalid_argument for an unknown
/// level or format. Before it, log() writes JSON lines synchronously.
void start_log(const LogOptions& options);
/// Writes what is queued, waiting at most two seconds for a reader that is stuck; lines after it are written
/// synchronously. Call it when the other threads have ended.
void shutdown_log();

struct Field {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool, TraceId>;
  std::string_view name;
  Value value;
  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, std::signed_integral auto v) : name(n), value(static_cast<std::int64_t>(v)) {}
  Field(std::string_view n, std::unsigned_integral auto v) : name(n), value(static_cast<std::uint64_t>(v)) {}
  Field(std::string_view n, double v) : name(n), value(v) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
  /// Left out of the line if it is none.
  Field(std::string_view n, const TraceId& v) : name(n), value(v) {}

  [[nodiscard]] bool is_there() const {
    const auto* id = std::get_if<TraceId>(&value);
    return id == nullptr || id->is_set();
  }
};

/// One line: {"time":…,"level":…,"message":…,<fields>}. Values are escaped, ill-formed UTF-8 becomes U+FFFD, and
/// strings are cut at 2 KiB. Never throws. Never pass a secret.
void log(spdlog::level::level_enum level, std::string_view message, std::initializer_list<Field> fields = {}) noexcept;

inline void log_info(std::string_view m, std::initializer_list<Field> f = {}) { log(spdlog::level::info, m, f); }
inline void log_warn(std::string_view m, std::initializer_list<Field> f = {}) { log(spdlog::level::warn, m, f); }
inline void log_error(std::string_view m, std::initializer_list<Field> f = {}) { log(spdlog::level::err, m, f); }
inline void log_debug(std::string_view m, std::initializer_list<Field> f = {}) { log(spdlog::level::debug, m, f); }

}  // namespace flashsale::telemetry
