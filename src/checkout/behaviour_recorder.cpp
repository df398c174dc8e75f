#include "flashsale/checkout/behaviour_recorder.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "flashsale/identity/client_address.hpp"
#include "flashsale/postgres/error.hpp"

namespace flashsale::checkout {
namespace {

constexpr int kNice = 10;
constexpr std::chrono::milliseconds kLookInterval{200};
constexpr std::chrono::seconds kWriteInterval{2};
constexpr std::size_t kFindingsMax = 2000;  ///< of one pass; the others' turn comes in the next
constexpr int kPassesAtStop = 8;
/// So many sales that cannot be written end a pass: PostgreSQL may be away.
constexpr int kFailedSalesMax = 3;
/// Of all threads. So many wait only while this thread does, for PostgreSQL.
constexpr std::size_t kWaitingMax = 200'000;
constexpr std::size_t kEmptyMax = 16;
/// Where units come back all the time, each checkout meets such a moment by chance.
constexpr std::chrono::seconds kQuietBeforeReturn{5};
constexpr std::size_t kReturnsMax = 8;

std::int64_t random_number() {
  std::random_device random;
  return static_cast<std::int64_t>((std::uint64_t{random()} << 31U) ^ random());
}

/// A moment of this process's clock by the clock of the stores, which opens and closes sales.
TimePoint store_time(const catalog::RedisClock& clock, std::chrono::steady_clock::time_point at) {
  return clock.reading + std::chrono::duration_cast<std::chrono::microseconds>(at - clock.received_at);
}

std::vector<postgres::CustomerBehaviour> to_write(const std::vector<identity::BehaviourTable::Finding>& findings,
                                                  bool were_found) {
  std::vector<postgres::CustomerBehaviour> some;
  for (const auto& one : findings) {
    if (one.was_found == were_found) some.push_back({one.customer_id, one.behaviour, one.score, one.seen_at});
  }
  return some;
}

}  // namespace

BehaviourRecorder::BehaviourRecorder(const Options& options, const identity::GatewayPeers& trusted_proxies,
                                     telemetry::Metrics& metrics)
    : trusted_proxies_(trusted_proxies),
      process_no_(random_number()),
      session_(postgres::with_brief_waits(options.postgres), "behaviour"),
      table_(options.table),
      left_out_(metrics.behaviour_left_out()),
      thread_(kLookInterval, [this] { work(); }) {
  for (std::size_t i = 0; i < kBehaviourBands.size(); ++i) bands_[i] = &metrics.behaviour_customers(kBehaviourBands[i]);
}

BehaviourRecorder::~BehaviourRecorder() { stop(); }

void BehaviourRecorder::stop() {
  if (thread_.is_stopping()) return;
  thread_.stop();
  look_now();
  for (int pass = 0; pass < kPassesAtStop && table_.has_news(); ++pass) {
    if (!write_now(Wanted::all)) return;
  }
}

void BehaviourRecorder::take(identity::BehaviourNotes& notes) {
  if (notes.empty()) return;
  const std::lock_guard lock(mutex_);
  if (waiting_ + notes.size() > kWaitingMax) {
    left_out_.Increment(static_cast<double>(notes.size() + notes.left_out()));
    return notes.clear();
  }
  waiting_ += notes.size();
  full_.push_back(std::move(notes));
  notes = identity::BehaviourNotes();
  if (empty_.empty()) return;
  notes = std::move(empty_.back());
  empty_.pop_back();
}

void BehaviourRecorder::work() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  look_now();
  const auto now = Clock::now();
  if (now - written_at_ >= kWriteInterval) {
    written_at_ = now;
    (void)write_now();
  }
}

void BehaviourRecorder::look_now() {
  const auto snapshot = latest_.get();
  if (!snapshot) return;
  std::vector<identity::BehaviourNotes> full;
  {
    const std::lock_guard lock(mutex_);
    full.swap(full_);
    waiting_ = 0;
  }
  if (full.empty()) return;
  std::vector<Note> notes;
  for (const auto& some : full) {
    for (std::size_t i = 0; i < some.size(); ++i) notes.push_back(some.at(i));
    if (some.left_out() > 0) left_out_.Increment(static_cast<double>(some.left_out()));
  }
  std::ranges::stable_sort(notes, {}, &Note::received_at);
  look_at(notes, *snapshot);
  const std::lock_guard lock(mutex_);
  for (auto& some : full) {
    some.clear();
    if (empty_.size() < kEmptyMax) empty_.push_back(std::move(some));
  }
}

void BehaviourRecorder::look_at(const std::vector<Note>& notes, const catalog::Snapshot& snapshot) {
  std::map<std::int32_t, identity::SellingMoments> moments;
  for (const auto& note : notes) {
    const auto sale = snapshot.find(note.sale_no);
    if (!sale || !sale->known_levels) continue;
    const auto [known, is_new] = moments.try_emplace(note.sale_no);
    if (is_new) known->second = moments_of(*sale);
    const auto address = identity::client_address(note.peer_address, note.forwarded_for, trusted_proxies_);
    const auto network = identity::client_network(address);
    table_.observe({note.sale_no, note.customer_id, network, store_time(sale->clock, note.received_at)}, known->second);
  }
}

identity::SellingMoments BehaviourRecorder::moments_of(const catalog::SaleSnapshot& sale) {
  auto& returns = returns_[sale.sale->sale_no];
  std::set<TimePoint> shown;
  for (const auto& level : sale.levels) {
    if (level.sells_from > returns.last) shown.insert(level.sells_from);
  }
  for (const auto at : shown) {
    if (at - std::exchange(returns.last, at) < kQuietBeforeReturn) continue;
    returns.known.push_back(at);
    if (returns.known.size() > kReturnsMax) returns.known.erase(returns.known.begin());
  }
  identity::SellingMoments moments;
  if (sale.sale->state == SaleState::scheduled) moments.opening = sale.sale->starts_at;
  moments.returns = returns.known;
  return moments;
}

// --- PostgreSQL ---

/// False: not all of it. The rest is given out again.
bool BehaviourRecorder::write_sale(std::int32_t sale_no,
                                   const std::vector<identity::BehaviourTable::Finding>& findings) {
  const auto put_back = [&](bool were_found) {
    for (const auto& one : findings) {
      if (one.was_found == were_found) table_.put_back(one);
    }
  };
  const auto error = postgres::add_behaviour(session_, sale_no, process_no_, to_write(findings, false));
  if (error) put_back(false);
  if (error == postgres::make_error_code(postgres::Failure::unavailable)) {
    put_back(true);
    return false;
  }
  const auto known = to_write(findings, true);
  if (known.empty()) return !error;
  const auto there = postgres::update_behaviour(session_, sale_no, process_no_, known);
  if (!there) {
    put_back(true);
    return false;
  }
  const std::set<std::string> still(there->begin(), there->end());
  for (const auto& one : known) {
    if (!still.contains(one.customer_id)) table_.forget(sale_no, one.customer_id);
  }
  return !error;
}

/// False: not all of it.
bool BehaviourRecorder::write_now(Wanted wanted) {
  if (!table_.has_news()) return true;
  const auto findings = table_.take_findings(kFindingsMax, wanted);
  for (std::size_t i = 0; i < bands_.size(); ++i) bands_[i]->Set(static_cast<double>(table_.bands()[i]));
  std::map<std::int32_t, std::vector<identity::BehaviourTable::Finding>> by_sale;
  for (const auto& one : findings) by_sale[one.sale_no].push_back(one);
  // Behind the sale that ended the last pass, so that one that cannot be written holds up no other.
  int failed = 0;
  auto next = by_sale.upper_bound(last_failed_);
  for (std::size_t i = 0; i < by_sale.size(); ++i, ++next) {
    if (next == by_sale.end()) next = by_sale.begin();
    const auto& [sale_no, some] = *next;
    if (failed == kFailedSalesMax) {
      for (const auto& one : some) table_.put_back(one);
    } else if (!write_sale(sale_no, some)) {
      ++failed;
      last_failed_ = sale_no;
    }
  }
  return failed == 0;
}

}  // namespace flashsale::checkout
