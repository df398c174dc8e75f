#include "flashsale/postgres/event_agreement.hpp"

#include <string>
#include <utility>

#include "embedded/flashsale_postgres.hpp"
#include "statement.hpp"

namespace flashsale::postgres {
namespace {

/// Of those locks; the numbers mean nothing.
constexpr std::int32_t kLeavesNone = 720'453'190;
constexpr std::int32_t kLeavesEvents = 720'453'191;

constexpr std::int32_t lock_of(bool leaves_events) { return leaves_events ? kLeavesEvents : kLeavesNone; }

}  // namespace

EventAgreement::EventAgreement(Options options, bool leaves_events)
    : leaves_events_(leaves_events), session_(std::move(options), "event-agreement") {
  session_.on_connect([this](pqxx::connection&) { holds_lock_ = false; });
}

Result<std::int64_t> EventAgreement::look() {
  std::int64_t others = 0;
  const Error error = session_.run([&](pqxx::connection& connection) {
    pqxx::work tx(connection);
    // Of two that come at once the second sees the first. Who is in only looks.
    if (!holds_lock_) tx.exec(std::string(embedded::event_agreement_turn_sql));
    others = execute(tx, embedded::event_agreement_count_sql, lock_of(!leaves_events_))[0][0].as<std::int64_t>();
    const bool joins = !holds_lock_ && (has_joined_ || others == 0);
    if (joins) execute(tx, embedded::event_agreement_join_sql, lock_of(leaves_events_));
    commit(tx);
    if (joins) holds_lock_ = has_joined_ = true;
  });
  if (error) return Result<std::int64_t>(boost::system::in_place_error, error);
  return others;
}

}  // namespace flashsale::postgres
