#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "flashsale/app/command_line.hpp"
#include "flashsale/app/settings.hpp"

/// The commands of the executable that need the stores, or another instance. Each returns the exit status.
namespace flashsale::app {

/// Serves until SIGTERM or SIGINT, then stops gracefully. 1, with the reason on stderr, when it must not start.
/// `read_again` gives the settings as they are now, checked, or throws: SIGHUP takes tokens, secrets and keys from it.
[[nodiscard]] int run_serve(const Settings& settings, std::function<Settings()> read_again);
/// Brings the schema up to date.
[[nodiscard]] int run_migrate(const Settings& settings, bool with_citus);
/// Audits one sale, or all when `sale_id` is empty. 1 on a mismatch, and when it cannot tell.
[[nodiscard]] int run_audit(const Settings& settings, const std::string& sale_id);
/// Archives the orders of one sale, or, with `older_than_days`, of all in which nothing has moved for so long. 1, with
/// the reason on stderr, when that cannot be.
[[nodiscard]] int run_archive(const Settings& settings, const std::string& sale_id,
                              const std::optional<std::int32_t>& older_than_days);
/// Prints how an order came to be what it is; `subject` is its id, or that of a customer, of whose orders 100 are told
/// of. 1 when PostgreSQL knows of none, and when it cannot tell.
[[nodiscard]] int run_explain(const Settings& settings, const std::string& subject);
/// What `line` asks of the events. 1 when something is missing or cannot be done, and the reason is said.
[[nodiscard]] int run_events(const Settings& settings, const CommandLine& line);
/// Reads a feed of events and counts what it tells: to its end, or until SIGTERM or SIGINT. 1, with the reason on
/// stderr, when that cannot be.
[[nodiscard]] int run_insight(const InsightOptions& options);
/// Says whether `serve` would start, and why not.
[[nodiscard]] int run_check(const Settings& settings);

}  // namespace flashsale::app
