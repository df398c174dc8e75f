// flashsale-load: load generator and checker; `flashsale-load --help` tells what it does.

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <utility>

#include "behaviour_command.hpp"
#include "curves.hpp"
#include "options.hpp"
#include "report_html.hpp"
#include "report_json.hpp"
#include "report_text.hpp"
#include "run.hpp"

namespace {

using namespace flashsale::load;

constexpr int kExitCheckFailed = 1;
constexpr int kExitNotDone = 2;

std::atomic<bool> is_stopping{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void stop_on_signal(int number) {
  is_stopping.store(true);
  std::signal(number, SIG_DFL);  // a second one ends it at once
}

std::optional<std::string> read_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void write_file(const std::string& path, const std::string& text) {
  if (path.empty()) return;
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

int run_and_report(const Options& options) {
  std::signal(SIGINT, stop_on_signal);
  std::signal(SIGTERM, stop_on_signal);
  const Result result = run(options, is_stopping);
  std::fputs(report_text(result).c_str(), stdout);
  write_file(options.json_path, report_json(result));
  if (!options.html_path.empty()) write_file(options.html_path, report_html(result));
  return result.verdict && !result.verdict->passed() ? kExitCheckFailed : EXIT_SUCCESS;
}

/// What starts servers of its own or speaks with brokers is a script's work.
[[noreturn]] void exec_script(const std::string& name, std::vector<std::string> arguments) {
  const std::string script = FLASHSALE_SOURCE_DIR "/tests/load/" + name;
  std::vector<char*> words{const_cast<char*>(script.c_str())};
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  ::execv(script.c_str(), words.data());
  throw std::runtime_error("cannot run " + script);
}

int fail(const std::string& what) {
  std::fprintf(stderr, "flashsale-load: %s\n", what.c_str());
  return kExitNotDone;
}

int print_curves(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && (arguments.front() == "--help" || arguments.front() == "-h")) {
    std::cout << curves_usage();
    return EXIT_SUCCESS;
  }
  const std::string fault = write_curves(arguments, std::cout);
  if (!fault.empty()) return fail(fault);
  std::cout.flush();
  return std::cout ? EXIT_SUCCESS : fail("cannot write the curves");
}

int play_behaviour(const std::vector<std::string>& arguments) {
  const auto parsed = parse_behaviour_options(arguments, read_variable);
  if (parsed.wants_help) {
    std::cout << behaviour_usage();
    return EXIT_SUCCESS;
  }
  if (!parsed.error.empty()) return fail(parsed.error);
  std::signal(SIGINT, stop_on_signal);
  std::signal(SIGTERM, stop_on_signal);
  std::cout << run_behaviour(parsed.options, is_stopping) << std::flush;
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) try {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty() || arguments.front() == "--help" || arguments.front() == "-h") {
    std::fputs(std::string(usage()).c_str(), arguments.empty() ? stderr : stdout);
    return arguments.empty() ? kExitNotDone : EXIT_SUCCESS;
  }
  const std::string command = arguments.front();
  arguments.erase(arguments.begin());
  if (command == "bench") exec_script("bench", std::move(arguments));
  if (command == "events") exec_script("events_told", std::move(arguments));
  if (command == "curves") return print_curves(arguments);
  if (command == "behaviour") return play_behaviour(arguments);
  if (command != "run") return fail("there is no command \"" + command + "\"; --help shows them");
  const ParsedOptions parsed = parse_options(arguments, read_variable);
  if (parsed.wants_help) {
    std::fputs(std::string(usage()).c_str(), stdout);
    return EXIT_SUCCESS;
  }
  return parsed.error.empty() ? run_and_report(parsed.options) : fail(parsed.error);
} catch (const std::exception& error) {
  return fail(error.what());
}
