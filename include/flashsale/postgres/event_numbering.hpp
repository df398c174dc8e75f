#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/event_repository.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// What one look at the unnumbered rows has done.
struct Numbered {
  bool leads = false;  ///< false: somebody else does, and nothing was done
  EventLine line;
  std::int64_t events = 0;
  bool is_all = true;  ///< no row was left for the next look
};

/// Gives committed rows of the outbox their positions, a hundred times a second, so its statements are prepared. One
/// thread.
class EventNumbering {
 public:
  EventNumbering(Options options, std::string name);

  /// Gapless positions for at most `rows` rows, if `leader` leads or nobody does; then it leads for `lease`. Two at
  /// once wait for each other, so that no position is given twice whoever believes to lead. `rehearsals`: whether
  /// events of rehearsals count; otherwise they go.
  [[nodiscard]] Result<Numbered> number(const std::string& leader, std::chrono::milliseconds lease, std::int32_t rows,
                                        bool rehearsals);
  /// Whoever comes next may lead at once.
  [[nodiscard]] Error resign(const std::string& leader);
  /// For cheap looks between two.
  [[nodiscard]] Session& session() { return session_; }

 private:
  Session session_;
};

}  // namespace flashsale::postgres
