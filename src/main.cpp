#include <csignal>
#include <cstddef>
#include <exception>
#include <iostream>

#include "flashsale/app/command_line.hpp"
#include "flashsale/app/commands.hpp"
#include "flashsale/app/settings.hpp"
#include "flashsale/app/token_command.hpp"

namespace {

using namespace flashsale::app;

int serve(const CommandLine& line, const Settings& settings) {
  require_settings_for(settings, Purpose::serve);
  return run_serve(settings, [&line] {
    auto fresh = load_settings(settings_sources(line));
    require_settings_for(fresh, Purpose::serve);
    return fresh;
  });
}

int run(const CommandLine& line) {
  if (line.command == Command::help) {
    std::cout << (line.help_topic ? usage(*line.help_topic) : usage());
    return 0;
  }
  if (line.command == Command::version) {
    std::cout << "flashsaled " FLASHSALE_VERSION "\n";
    return 0;
  }
  if (line.command == Command::insight) return run_insight(line.insight);
  const auto settings = load_settings(settings_sources(line));
  switch (line.command) {
    case Command::serve: return serve(line, settings);
    case Command::migrate:
      require_settings_for(settings, Purpose::postgres);
      return run_migrate(settings, line.with_citus);
    case Command::audit: require_settings_for(settings, Purpose::stores); return run_audit(settings, line.sale_id);
    case Command::archive:
      require_settings_for(settings, Purpose::postgres);
      return run_archive(settings, line.sale_id, line.older_than_days);
    case Command::explain:
      require_settings_for(settings, Purpose::postgres);
      return run_explain(settings, line.subject);
    case Command::events: require_settings_for(settings, Purpose::postgres); return run_events(settings, line);
    case Command::check: require_settings_for(settings, Purpose::serve); return run_check(settings);
    case Command::token:
      require_settings_for(settings, Purpose::token);
      return run_token(settings, line.customer_id, line.lifetime, std::cout, std::cerr);
    case Command::verify_draw:
      std::cerr << "flashsaled: this version serves no waiting room, so there is no draw to verify\n";
      return 1;
    case Command::insight:
    case Command::help:
    case Command::version: break;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  // A store, or a reader of the log, that hangs up is an error of that write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(parse_command_line({argv + 1, static_cast<std::size_t>(argc - 1)}));
  } catch (const std::exception& error) {
    std::cerr << "flashsaled: " << error.what() << '\n';
    return 2;
  }
}
