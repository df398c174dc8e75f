// What `flashsaled --help` and `flashsaled COMMAND --help` print.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/app/command_line.hpp"

namespace flashsale::app {
namespace {

constexpr std::string_view kAnySetting = "--SECTION.KEY=VALUE";

struct OptionText {
  std::string_view name;
  std::string_view text;  ///< may have several lines
};

struct CommandText {
  HelpTopic topic;
  std::string_view name;
  std::string_view text;  ///< may have several lines
  std::vector<OptionText> options;
};

const std::vector<CommandText>& commands() {
  static const std::vector<CommandText> kTexts{
      {{Command::serve, {}}, "serve", "run the server (the default)", {}},
      {{Command::migrate, {}},
       "migrate",
       "bring the PostgreSQL schema to this version",
       {{"--citus", "and distribute it by sale over the nodes of a Citus cluster"}}},
      {{Command::audit, {}},
       "audit",
       "compare PostgreSQL and Redis; status 1 on a mismatch, or when it cannot tell",
       {{"--sale ID", "this sale alone"}}},
      {{Command::archive, {}},
       "archive",
       "move the orders of past sales out of the way, into a table of their own; status 1 when that cannot be",
       {{"--sale ID", "of this sale, which is closed, settled and gone from Redis"},
        {"--older-than-days N", "of all such sales in which nothing has moved for N days"}}},
      {{Command::explain, {}},
       "explain ID",
       "tell what was decided about an order, or about a customer's orders (100 of them), when, and why;\n"
       "status 1 when PostgreSQL knows of none",
       {}},
      {{Command::events, EventsAction::audit},
       "events audit",
       "hold the orders against their events, and look for gaps; status 1 where something is missing",
       {{"--sale ID", "this sale alone"}}},
      {{Command::events, EventsAction::sinks}, "events sinks", "who is told of events, and how far", {}},
      {{Command::events, EventsAction::replay},
       "events replay",
       "tell a sink again",
       {{"--sink NAME", "which"},
        {"--from POSITION", "all from there on, or"},
        {"--sale ID", "from the first event that is kept of this sale"}}},
      {{Command::events, EventsAction::forget},
       "events forget",
       "let events go that a sink was not told of, and its position",
       {{"--sink NAME", "one that is not set up any more, or starts anew"}}},
      {{Command::events, EventsAction::snapshot},
       "events snapshot",
       "print the orders of a sale as they stand, as the last event of each, one a line",
       {{"--sale ID", "of this sale"}}},
      {{Command::insight, {}},
       "insight",
       "count what the feed of events of a server tells, with the token in FLASHSALE_ADMIN_TOKEN, or in the\n"
       "file that FLASHSALE_ADMIN_TOKEN_FILE names",
       {{"--url URL", "its admin listener; else FLASHSALE_ADMIN_URL"},
        {"--listen ADDRESS:PORT", "follow it, and show the figures to Prometheus there, or"},
        {"--once", "read to the end, print them as JSON, and end"},
        {"--state FILE", "where they are kept, to go on from"},
        {"--after POSITION", "where to begin if nothing is kept; else with the oldest event"}}},
      {{Command::token, {}},
       "token",
       "print a bearer token for development, signed with jwt.secret",
       {{"--customer ID", "whose"}, {"--ttl SECONDS", "how long it is valid, 3600 unless given"}}},
      {{Command::check, {}}, "check", "check settings, schema, and the settings of Redis and PostgreSQL", {}},
      {{Command::verify_draw, {}},
       "verify-draw",
       "recompute the places of a waiting room's draw",
       {{"--sale ID", "of this sale"}}},
      {{Command::version, {}}, "version", "or --version: print the version", {}},
      {{Command::help, {}},
       "help",
       "or --help: print this; help COMMAND, or COMMAND --help: of that command alone",
       {}},
  };
  return kTexts;
}

/// Where a name and its text stand in a line.
struct Columns {
  std::size_t name = 0;
  std::size_t text = 0;
};

/// A name that is too long for its column has a line of its own.
void append_entry(std::string& out, Columns columns, std::string_view name, std::string_view text) {
  out.append(columns.name, ' ').append(name);
  auto at = columns.name + name.size();
  if (at >= columns.text) {
    out += '\n';
    at = 0;
  }
  for (;; at = 0) {
    const auto end = std::min(text.find('\n'), text.size());
    out.append(columns.text - at, ' ').append(text.substr(0, end)) += '\n';
    if (end == text.size()) return;
    text.remove_prefix(end + 1);
  }
}

void append_command(std::string& out, const CommandText& command, Columns head, Columns options) {
  append_entry(out, head, command.name, command.text);
  for (const auto& option : command.options) append_entry(out, options, option.name, option.text);
}

bool is_about(const CommandText& command, const HelpTopic& topic) {
  if (command.topic.command != topic.command) return false;
  return !topic.events_action || command.topic.events_action == topic.events_action;
}

}  // namespace

std::string usage() {
  std::string out =
      R"(flashsaled sells a limited stock to a crowd: an HTTP server on Redis and PostgreSQL.

usage: flashsaled [COMMAND] [OPTION…]

commands:
)";
  for (const auto& command : commands()) append_command(out, command, {2, 16}, {18, 35});
  const std::string file = "settings file; else FLASHSALE_CONFIG, else " + std::string(kDefaultSettingsFile);
  out += "\noptions:\n";
  append_entry(out, {2, 27}, "--config FILE", file + " if it exists");
  append_entry(out, {2, 27}, kAnySetting, "one setting; entries of a list are separated by commas");
  out += R"(
Settings come from the file, then from environment variables FLASHSALE_SECTION_KEY, then from flags; the last wins.
Secrets are not taken as flags.

)";
  out += describe_settings();
  return out;
}

std::string usage(const HelpTopic& topic) {
  std::string out;
  for (const auto& command : commands()) {
    if (!is_about(command, topic)) continue;
    if (!out.empty()) out += '\n';
    out.append("flashsaled ").append(command.name).append(" [OPTION…]\n");
    append_entry(out, {0, 2}, {}, command.text);
    for (const auto& option : command.options) append_entry(out, {4, 28}, option.name, option.text);
  }
  if (topic.command == Command::insight) return out + "\nIt takes no settings.\n";
  return out + "\nSettings (--config FILE, " + std::string(kAnySetting) + "): flashsaled --help lists them all.\n";
}

}  // namespace flashsale::app
