#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/app/settings.hpp"

namespace flashsale::app {

enum class Command : std::uint8_t {
  serve,
  migrate,
  audit,
  archive,
  explain,
  events,
  insight,
  token,
  check,
  verify_draw,
  version,
  help
};
/// What `flashsaled events` is to do.
enum class EventsAction : std::uint8_t { audit, sinks, replay, forget, snapshot };

/// Of `flashsaled insight`, which takes no settings.
struct InsightOptions {
  std::string url;                    ///< --url ADMIN_URL; empty: FLASHSALE_ADMIN_URL
  std::optional<std::int64_t> after;  ///< --after POSITION, from 0
  std::string listen;                 ///< --listen ADDRESS:PORT; empty: nowhere
  std::string state_file;             ///< --state FILE; empty: none
  bool once = false;                  ///< --once
};

/// What help is wanted of.
struct HelpTopic {
  Command command = Command::help;
  std::optional<EventsAction> events_action;  ///< of `events`; empty: of all of them
};

struct CommandLine {
  Command command = Command::serve;
  std::optional<HelpTopic> help_topic;     ///< of help: empty is everything
  std::optional<std::string> config_file;  ///< --config FILE
  std::vector<SettingFlag> flags;          ///< --section.key=value, not yet held against the table
  EventsAction events_action = EventsAction::audit;
  std::string sink;                           ///< --sink NAME of events
  std::optional<std::int64_t> from_position;  ///< --from POSITION of events replay, from 1
  std::string subject;                        ///< of explain: an order's or a customer's id
  std::string sale_id;                        ///< --sale ID of audit, archive, events and verify-draw; empty: not given
  std::string customer_id;                    ///< --customer ID of token
  InsightOptions insight;
  std::chrono::seconds lifetime{3600};          ///< --ttl SECONDS of token, 1..31536000
  bool with_citus = false;                      ///< --citus of migrate
  std::optional<std::int32_t> older_than_days;  ///< --older-than-days N of archive, 0..36500
};

/// A command line that cannot be understood: one line for people. The process should end with status 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Parses the arguments behind the program's name. Options may stand before or behind the command, their values
/// behind `=` or as the next argument (settings: behind `=` alone). Throws UsageError.
[[nodiscard]] CommandLine parse_command_line(std::span<const char* const> arguments);

/// Where this command line and the environment of the process say that settings come from.
[[nodiscard]] SettingsSources settings_sources(const CommandLine& command_line);

/// What `--help` prints: commands, options, and every setting.
[[nodiscard]] std::string usage();

/// What `COMMAND --help` prints: what it does, its own options, and where all settings are.
[[nodiscard]] std::string usage(const HelpTopic& topic);

}  // namespace flashsale::app
