#include "flashsale/telemetry/fault_point.hpp"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>

namespace flashsale::telemetry {
namespace {

constexpr std::chrono::milliseconds kLookInterval{2};

/// What the file asks for. Several processes may look at one file: the first that comes so far acts, and no other.
class ArmedPoint {
 public:
  ArmedPoint() {
    const char* path = std::getenv("FAULT_POINT_FILE");
    if (path) path_ = path;
  }

  /// The action that is due at this pass; empty: none.
  std::string pass(const std::string& name) {
    if (path_.empty()) return {};
    const std::lock_guard lock(mutex_);
    if (std::chrono::steady_clock::now() >= look_again_at_) look();
    if (name != point_ || --passes_left_ > 0) return {};
    look();
    // Whoever armed it sees that it has happened, and the process that is started again does not meet it.
    if (name != point_ || passes_left_ > 0 || ::unlink(path_.c_str()) != 0) return {};
    point_.clear();
    return action_;
  }

 private:
  void look() {
    look_again_at_ = std::chrono::steady_clock::now() + kLookInterval;
    std::ifstream file(path_);
    std::string line;
    std::getline(file, line);
    if (line == line_) return;
    line_ = line;
    point_.clear();
    std::istringstream words(line);
    words >> point_ >> action_ >> passes_left_;
  }

  std::string path_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point look_again_at_{};
  std::string line_;  ///< as it was read last
  std::string point_;
  std::string action_;
  long passes_left_ = 0;
};

}  // namespace

void pass_fault_point(const char* name) {
  static ArmedPoint armed;
  const auto action = armed.pass(name);
  if (action == "kill") ::kill(::getpid(), SIGKILL);
  if (action == "stop") ::kill(::getpid(), SIGSTOP);
  if (action.starts_with("sleep:")) std::this_thread::sleep_for(std::chrono::milliseconds(std::stol(action.substr(6))));
}

}  // namespace flashsale::telemetry
