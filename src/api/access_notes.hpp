#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::api {

/// Notes in the log of changes who reads what names customers, where somebody reads without end: once in ten minutes
/// for each, and not each time. Any thread.
class AccessNotes {
 public:
  /// `who` and `action` are of a bounded set. After an error nothing may be shown.
  [[nodiscard]] Error note(postgres::Session& session, const std::string& who, const std::string& action);

 private:
  using Clock = std::chrono::steady_clock;

  std::mutex mutex_;
  std::map<std::string, Clock::time_point, std::less<>> noted_;
};

}  // namespace flashsale::api
