#include "flashsale/app/command_line.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "flashsale/model/identifier.hpp"
#include "flashsale/model/json_text.hpp"

namespace flashsale::app {
namespace {

constexpr std::int64_t kLifetimeMaxS = 31'536'000;  // a year
constexpr std::int64_t kDaysMax = 36'500;

struct CommandName {
  std::string_view name;
  Command command;
};
constexpr CommandName kCommands[] = {
    {"serve", Command::serve},     {"migrate", Command::migrate},
    {"audit", Command::audit},     {"archive", Command::archive},
    {"explain", Command::explain}, {"events", Command::events},
    {"insight", Command::insight}, {"token", Command::token},
    {"check", Command::check},     {"verify-draw", Command::verify_draw},
    {"help", Command::help},       {"version", Command::version},
};

struct EventsActionName {
  std::string_view name;
  EventsAction action;
};
constexpr EventsActionName kEventsActions[] = {
    {"audit", EventsAction::audit},   {"sinks", EventsAction::sinks},       {"replay", EventsAction::replay},
    {"forget", EventsAction::forget}, {"snapshot", EventsAction::snapshot},
};

std::string_view name_of(Command command) { return std::ranges::find(kCommands, command, &CommandName::command)->name; }

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

class Parser {
 public:
  explicit Parser(std::span<const char* const> arguments) : rest_(arguments) {}

  CommandLine parse() && {
    while (!rest_.empty()) {
      const std::string_view argument = next();
      if (argument.starts_with("-")) {
        read_option(argument);
      } else {
        read_command(argument);
      }
    }
    // Asked for help or the version, whatever else is wrong or missing.
    if (asked_) {
      result_.help_topic = help_topic();
      result_.command = *asked_;
      return std::move(result_);
    }
    require_that_options_belong();
    return std::move(result_);
  }

 private:
  std::string_view next() {
    const std::string_view argument = rest_.front();
    rest_ = rest_.subspan(1);
    return argument;
  }

  /// Of `help` and `version` there is nothing more to say than all.
  [[nodiscard]] std::optional<HelpTopic> help_topic() const {
    if (!command_given_ || result_.command == Command::help || result_.command == Command::version) return std::nullopt;
    HelpTopic topic{result_.command, {}};
    if (events_action_given_) topic.events_action = result_.events_action;
    return topic;
  }

  void read_command(std::string_view argument) {
    if (command_given_ && result_.command == Command::events && !events_action_given_) {
      return read_events_action(argument);
    }
    if (command_given_ && result_.command == Command::explain && result_.subject.empty()) {
      return read_subject(argument);
    }
    const auto* found = std::ranges::find(kCommands, argument, &CommandName::name);
    if (found == std::end(kCommands)) {
      throw UsageError("there is no command " + in_quotes(argument) + "; flashsaled --help lists them");
    }
    if (command_given_ && result_.command == Command::help) {
      asked_ = Command::help;
    } else if (command_given_) {
      throw UsageError("one command at a time: both " + std::string(name_of(result_.command)) + " and " +
                       std::string(argument) + " are given");
    }
    command_given_ = true;
    result_.command = found->command;
  }

  void read_events_action(std::string_view argument) {
    const auto* found = std::ranges::find(kEventsActions, argument, &EventsActionName::name);
    if (found == std::end(kEventsActions)) {
      throw UsageError("flashsaled events does not " + in_quotes(argument) + "; flashsaled --help lists what it does");
    }
    events_action_given_ = true;
    result_.events_action = found->action;
  }

  void read_subject(std::string_view argument) {
    if (!is_valid_customer_id(argument)) throw UsageError(in_quotes(argument) + " is no order's and no customer's id");
    result_.subject = argument;
  }

  void read_option(std::string_view argument) {
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    if (name == "--help" || name == "-h") return ask(Command::help, argument, equals);
    if (name == "--version") return ask(Command::version, argument, equals);
    if (name.find('.') != std::string_view::npos && name.starts_with("--")) return read_setting(argument, equals);
    if (read_insight_option(name, argument, equals)) return;
    if (name == "--config") {
      result_.config_file = value_of(argument, equals);
    } else if (name == "--sale") {
      result_.sale_id = value_of(argument, equals);
      if (!is_valid_identifier(result_.sale_id)) throw UsageError(in_quotes(result_.sale_id) + " is no sale id");
    } else if (name == "--customer") {
      result_.customer_id = value_of(argument, equals);
      if (!is_valid_customer_id(result_.customer_id)) {
        throw UsageError(in_quotes(result_.customer_id) + " is no customer id");
      }
    } else if (name == "--sink") {
      result_.sink = value_of(argument, equals);
    } else if (name == "--from") {
      result_.from_position =
          number_of(value_of(argument, equals), 1, std::numeric_limits<std::int64_t>::max(), "--from takes a position");
    } else if (name == "--ttl") {
      result_.lifetime = std::chrono::seconds(
          number_of(value_of(argument, equals), 1, kLifetimeMaxS, "--ttl takes a number of seconds"));
      lifetime_given_ = true;
    } else if (name == "--citus") {
      if (equals != std::string_view::npos) throw UsageError("--citus takes no value");
      result_.with_citus = true;
    } else if (name == "--older-than-days") {
      result_.older_than_days = static_cast<std::int32_t>(
          number_of(value_of(argument, equals), 0, kDaysMax, "--older-than-days takes a number of days"));
    } else {
      throw UsageError("there is no option " + in_quotes(name) + "; flashsaled --help lists them");
    }
  }

  /// False: it is none.
  bool read_insight_option(std::string_view name, std::string_view argument, std::size_t equals) {
    auto& insight = result_.insight;
    if (name == "--url") {
      insight.url = value_of(argument, equals);
    } else if (name == "--after") {
      insight.after = number_of(value_of(argument, equals), 0, std::numeric_limits<std::int64_t>::max(),
                                "--after takes a position");
    } else if (name == "--listen") {
      insight.listen = value_of(argument, equals);
    } else if (name == "--state") {
      insight.state_file = value_of(argument, equals);
    } else if (name == "--once") {
      if (equals != std::string_view::npos) throw UsageError("--once takes no value");
      insight.once = true;
    } else {
      return false;
    }
    insight_option_ = name;
    return true;
  }

  void ask(Command command, std::string_view argument, std::size_t equals) {
    if (equals != std::string_view::npos) throw UsageError(std::string(argument.substr(0, equals)) + " takes no value");
    if (!asked_) asked_ = command;
  }

  void read_setting(std::string_view argument, std::size_t equals) {
    if (equals == std::string_view::npos) {
      throw UsageError("a setting takes its value behind =: " + std::string(argument) + "=VALUE");
    }
    result_.flags.push_back(
        {.name = std::string(argument.substr(2, equals - 2)), .value = std::string(argument.substr(equals + 1))});
  }

  static std::int64_t number_of(std::string_view text, std::int64_t min, std::int64_t max, std::string_view wanted) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    if (!whole || number < min || number > max) {
      throw UsageError(std::string(wanted) + ", " + std::to_string(min) + ".." + std::to_string(max));
    }
    return number;
  }

  std::string value_of(std::string_view argument, std::size_t equals) {
    std::string_view value;
    if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if (!rest_.empty()) {
      value = next();
    }
    if (value.empty()) throw UsageError(std::string(argument.substr(0, equals)) + " takes a value");
    return std::string(value);
  }

  void require_that_options_belong() const {
    const Command command = result_.command;
    const auto refuse = [&](std::string_view option) {
      throw UsageError(std::string(option) + " is no option of flashsaled " + std::string(name_of(command)));
    };
    const bool takes_sale = command == Command::audit || command == Command::archive ||
                            command == Command::verify_draw || command == Command::events;
    if (!result_.sale_id.empty() && !takes_sale) refuse("--sale");
    if (!result_.customer_id.empty() && command != Command::token) refuse("--customer");
    if (lifetime_given_ && command != Command::token) refuse("--ttl");
    if (!result_.sink.empty() && command != Command::events) refuse("--sink");
    if (result_.from_position && command != Command::events) refuse("--from");
    if (command == Command::events) require_for_events();
    if (!insight_option_.empty() && command != Command::insight) refuse(insight_option_);
    if (command == Command::insight) require_for_insight();
    if (result_.with_citus && command != Command::migrate) refuse("--citus");
    if (result_.older_than_days && command != Command::archive) refuse("--older-than-days");
    if (command == Command::archive && result_.sale_id.empty() != result_.older_than_days.has_value()) {
      throw UsageError("flashsaled archive needs either --sale ID or --older-than-days N");
    }
    if (command == Command::explain && result_.subject.empty()) {
      throw UsageError("flashsaled explain needs the id of an order or of a customer");
    }
    if (command == Command::token && result_.customer_id.empty()) {
      throw UsageError("flashsaled token needs --customer ID");
    }
  }

  void require_for_events() const {
    if (!events_action_given_) {
      throw UsageError("flashsaled events needs to be told what: audit, sinks, replay, forget or snapshot");
    }
    const auto action = result_.events_action;
    const bool names_sink = action == EventsAction::replay || action == EventsAction::forget;
    if (names_sink != !result_.sink.empty()) {
      throw UsageError(names_sink ? "this needs --sink NAME" : "--sink is for events replay and forget");
    }
    const bool has_sale = !result_.sale_id.empty();
    if (action == EventsAction::replay && has_sale == result_.from_position.has_value())
      throw UsageError("flashsaled events replay needs either --from POSITION or --sale ID");
    if (action == EventsAction::snapshot && !has_sale) throw UsageError("flashsaled events snapshot needs --sale ID");
    if (action != EventsAction::replay && result_.from_position) throw UsageError("--from is for events replay");
    if (action == EventsAction::sinks || action == EventsAction::forget) {
      if (has_sale) throw UsageError("--sale is for events audit, replay and snapshot");
    }
  }

  void require_for_insight() const {
    const auto& insight = result_.insight;
    if (!result_.flags.empty() || result_.config_file) throw UsageError("flashsaled insight takes no settings");
    if (insight.once == !insight.listen.empty())
      throw UsageError("flashsaled insight needs either --listen ADDRESS:PORT or --once");
  }

  std::span<const char* const> rest_;
  CommandLine result_;
  bool events_action_given_ = false;
  bool command_given_ = false;
  std::string_view insight_option_;  ///< the last
  bool lifetime_given_ = false;
  std::optional<Command> asked_;
};

}  // namespace

CommandLine parse_command_line(std::span<const char* const> arguments) { return Parser(arguments).parse(); }

SettingsSources settings_sources(const CommandLine& command_line) {
  SettingsSources sources;
  sources.file = command_line.config_file;
  sources.environment = process_environment();
  sources.flags = command_line.flags;
  return sources;
}

}  // namespace flashsale::app
