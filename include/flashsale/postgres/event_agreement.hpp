#pragma once
#include <cstdint>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// All processes of a shop leave events, or none does (setting events.enabled): where some do not, changes that they
/// make are told to nobody, and where all is switched off events go that nobody was told of. So PostgreSQL knows of
/// each process that is connected what it does, by a lock that lasts as long as its session. One thread at a time.
class EventAgreement {
 public:
  EventAgreement(Options options, bool leaves_events);

  /// How many processes are connected that do otherwise. If there are none, this one has joined from then on: who comes
  /// later and does otherwise finds it. One that has joined stays so whoever comes; its lock comes back with its
  /// session.
  [[nodiscard]] Result<std::int64_t> look();
  [[nodiscard]] bool has_joined() const { return has_joined_; }

 private:
  bool leaves_events_;
  bool has_joined_ = false;
  bool holds_lock_ = false;  ///< in this session
  Session session_;
};

}  // namespace flashsale::postgres
