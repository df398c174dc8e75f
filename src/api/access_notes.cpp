#include "access_notes.hpp"

#include "flashsale/postgres/access_log.hpp"

namespace flashsale::api {
namespace {

constexpr std::chrono::minutes kNoteAgain{10};

}  // namespace

Error AccessNotes::note(postgres::Session& session, const std::string& who, const std::string& action) {
  const auto key = action + ' ' + who;
  const auto now = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    const auto known = noted_.find(key);
    if (known != noted_.end() && now - known->second < kNoteAgain) return {};
  }
  // Two at once may both note it.
  if (const auto error = postgres::record_access(session, who, action, "")) return error;
  const std::lock_guard lock(mutex_);
  noted_[key] = now;
  return {};
}

}  // namespace flashsale::api
