#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/event_repository.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// Whoever leads and asks nothing of its session for so long leads no more.
inline constexpr std::chrono::seconds kLeadWithoutCall{3};

/// What one look at the unnumbered rows has done.
struct Numbered {
  EventLine line;
  std::int64_t events = 0;
  bool is_all = true;                                ///< no row was left for the next look
  std::chrono::steady_clock::time_point asked_at{};  ///< the session's last call, from which kLeadWithoutCall counts
};

/// Gives committed rows of the outbox their positions, many times a second, so its statements are prepared. One thread.
class EventNumbering {
 public:
  EventNumbering(Options options, std::string name);

  /// Becomes the one that leads, if nobody does: for as long as its session lives, which the server ends when nothing
  /// was asked of it for kLeadWithoutCall. Nothing is written while nothing happens.
  [[nodiscard]] Result<bool> lead(const std::string& leader);
  /// As far as the last call knows.
  [[nodiscard]] bool leads() const { return leads_; }
  /// Whoever comes next may lead at once.
  void resign();

  /// Gapless positions for at most `rows` rows. Two at once wait for each other, so that no position is given twice
  /// whoever believes to lead. `rehearsals`: whether events of rehearsals count; otherwise they go.
  [[nodiscard]] Result<Numbered> number(std::int32_t rows, bool rehearsals);
  /// For cheap looks between two.
  [[nodiscard]] Session& session() { return session_; }

 private:
  bool leads_ = false;
  bool is_backlog_ = false;  ///< the last look has left some
  Session session_;
};

}  // namespace flashsale::postgres
