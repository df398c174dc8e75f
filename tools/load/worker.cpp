#include "worker.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <ctime>

#include "clock.hpp"

namespace flashsale::load {
namespace {

constexpr std::uint64_t kChoresEveryNs = 50 * kMillisecondNs;
constexpr std::size_t kResolveConnections = 64;
constexpr std::uint8_t kResolveAttemptsMax = 5;
constexpr std::uint64_t kResolveTimeoutNs = 5 * kSecondNs;
constexpr std::size_t kAskedARoundMax = 10'000;
constexpr std::size_t kPollsARoundMax = 1'000;

}  // namespace

Worker::Worker(const Parameters& parameters)
    : parameters_(parameters),
      traffic_(parameters.traffic, keys_, tally_),
      provider_(parameters.payments, traffic_),
      // A closed loop has no arrivals; any rate will do.
      arrivals_(parameters.arrivals, parameters.is_open_loop ? parameters.rate_per_s : 1, parameters.traffic.seed,
                parameters.traffic.share, parameters.traffic.shares),
      pool_(parameters.targets, parameters.connections, parameters.timeout_ns, *this),
      flights_(parameters.connections),
      in_flight_max_(parameters.connections) {}

void Worker::run() {
  // The kernel may wake a thread 50 us late to save power; arrivals are closer together than that.
  ::prctl(PR_SET_TIMERSLACK, 1'000UL, 0UL, 0UL, 0UL);
  next_interval_ns_ = parameters_.start_ns + kSecondNs;
  while (now_ns() < parameters_.start_ns && !parameters_.is_stopping->load(std::memory_order_relaxed)) {
    pool_.wait(std::min(parameters_.start_ns - std::min(now_ns(), parameters_.start_ns), kChoresEveryNs));
  }
  load();
  drain();
  is_loading_.store(false, std::memory_order_relaxed);
  finish_payments();
  resolve();
}

void Worker::load() {
  const std::uint64_t cpu_before = thread_cpu_ns();
  const std::uint64_t end_ns = parameters_.start_ns + parameters_.load_ns;
  std::uint64_t now = now_ns();
  while (now < end_ns && !parameters_.is_stopping->load(std::memory_order_relaxed)) {
    if (parameters_.is_open_loop) release_due(now);
    fill();
    turn(parameters_.is_open_loop ? std::min(end_ns, parameters_.start_ns + arrivals_.next_ns()) : end_ns);
    now = now_ns();
  }
  // What became due since the last look belongs to the load as well.
  if (parameters_.is_open_loop && now >= end_ns) release_due(end_ns);
  in_time_ = tally_.counters;
  load_cpu_ns_ = thread_cpu_ns() - cpu_before;
  load_wall_ns_ = now - std::min(now, parameters_.start_ns);
}

void Worker::drain() {
  phase_ = Phase::drain;
  const std::uint64_t deadline = now_ns() + parameters_.timeout_ns;
  while ((traffic_.waiting() > 0 || pool_.busy() > 0) && now_ns() < deadline) {
    fill();
    turn(deadline);
  }
  traffic_.drop_waiting();
  // Everything that is still under way was sent before the deadline, so it times out within another timeout.
  while (pool_.busy() > 0) turn(now_ns() + kChoresEveryNs);
  end_interval();
}

/// What comes late: payments and cancellations that are not due yet, messages that are still to be repeated.
void Worker::finish_payments() {
  phase_ = Phase::pay;
  const std::uint64_t deadline = now_ns() + parameters_.payments.window_ns + PaymentProvider::patience_ns();
  const auto is_under_way = [&] { return traffic_.later() + traffic_.waiting() + pool_.busy() > 0; };
  while (is_under_way() && now_ns() < deadline && !parameters_.is_stopping->load(std::memory_order_relaxed)) {
    fill();
    turn(deadline);
  }
  traffic_.drop_waiting();
  while (pool_.busy() > 0) turn(now_ns() + kChoresEveryNs);
}

/// The keys whose outcome is open are sent again: the same key finds out (P8). Orders that were only accepted are
/// asked for by their id, as many as that is worth.
void Worker::resolve() {
  phase_ = Phase::resolve;
  in_flight_max_ = std::min(in_flight_max_, kResolveConnections);
  // Whoever wants to know the truth has patience, however short the load's was.
  pool_.set_timeout(std::max(parameters_.timeout_ns, kResolveTimeoutNs));
  const std::uint64_t deadline = now_ns() + parameters_.settle_ns;
  std::uint64_t next_round = now_ns();
  while (now_ns() < deadline && !parameters_.is_stopping->load(std::memory_order_relaxed) && ask_again() > 0) {
    while (traffic_.waiting() > 0 || pool_.busy() > 0) {
      fill();
      turn(now_ns() + kChoresEveryNs);
    }
    next_round += kSecondNs;
    while (now_ns() < std::min(next_round, deadline)) turn(std::min(next_round, deadline));
  }
}

std::size_t Worker::ask_again() {
  std::size_t unknown = 0;
  std::size_t polls = 0;
  const std::size_t room = parameters_.traffic.queue_max;
  for (KeyLog::Index index = 0; index < keys_.size() && unknown + polls < room; ++index) {
    KeyRecord& key = keys_[index];
    const bool has_order = (key.seen & kSeenOrder) != 0;
    const bool is_open = (key.seen & kSeenUnknown) != 0 && (key.seen & kSeenRefusedAtTheEnd) == 0 && !has_order;
    const bool is_pending = (key.seen & kSeenAccepted) != 0 && (key.seen & (kSeenCommitted | kSeenGone)) == 0;
    if (is_open && unknown < kAskedARoundMax && key.resolve_attempts < kResolveAttemptsMax) {
      ++unknown;
      traffic_.push({now_ns(), index, Kind::resolve, false, 0});
    } else if (is_pending && polls < kPollsARoundMax) {
      ++polls;
      traffic_.push({now_ns(), index, Kind::poll, false, 0});
    }
  }
  return unknown + polls;
}

/// Waits for events, at most until the moment or the next chores.
void Worker::turn(std::uint64_t until_ns) {
  const std::uint64_t now = now_ns();
  const std::uint64_t end = std::min({until_ns, now + kChoresEveryNs, std::max(next_chores_ns_, now)});
  pool_.wait(end > now ? end - now : 0);
  do_chores(now_ns());
}

void Worker::do_chores(std::uint64_t now) {
  if (now < next_chores_ns_) return;
  next_chores_ns_ = now + kChoresEveryNs;
  pool_.expire(now);
  tally_.counters.connections_opened = pool_.opened();
  while (phase_ <= Phase::drain && now >= next_interval_ns_) {
    end_interval();
    next_interval_ns_ += kSecondNs;
  }
}

void Worker::end_interval() {
  Interval interval = tally_.take_interval();
  interval.waiting = static_cast<std::uint32_t>(traffic_.waiting());
  interval.in_flight = static_cast<std::uint32_t>(pool_.busy());
  const std::lock_guard lock(intervals_mutex_);
  intervals_.push_back(std::move(interval));
}

std::vector<Interval> Worker::intervals() const {
  const std::lock_guard lock(intervals_mutex_);
  return intervals_;
}

void Worker::release_due(std::uint64_t now) {
  while (parameters_.start_ns + arrivals_.next_ns() <= now) {
    traffic_.arrive(parameters_.start_ns + arrivals_.next_ns());
    arrivals_.advance();
  }
}

/// Sends what may be sent now.
void Worker::fill() {
  if (phase_ != Phase::resolve && traffic_.later() > 0) traffic_.release_later(now_ns());
  const bool makes_work = phase_ == Phase::load && !parameters_.is_open_loop;
  while (pool_.busy() < in_flight_max_) {
    if (traffic_.waiting() == 0 && makes_work) traffic_.arrive(now_ns());
    if (traffic_.waiting() == 0) return;
    const auto connection = pool_.acquire();
    if (!connection) return;
    send(*connection, *traffic_.pop());
  }
}

void Worker::write_request(ConnectionIndex connection, const Ticket& ticket) {
  const std::size_t target = pool_.target_of(connection);
  const RequestText& text = *parameters_.text;
  request_.clear();
  switch (ticket.kind) {
    case Kind::reader: return text.append_sale(request_, target);
    case Kind::pay:
      return parameters_.payment_text->append(request_, target, provider_.message(ticket.payment),
                                              text.order_id_of(keys_[ticket.key]), std::time(nullptr));
    case Kind::cancel: return text.append_cancel(request_, target, keys_[ticket.key]);
    case Kind::poll: return text.append_poll(request_, target, keys_[ticket.key]);
    default: return text.append_checkout(request_, target, keys_[ticket.key], ticket.respond_async);
  }
}

void Worker::send(ConnectionIndex connection, const Ticket& ticket) {
  write_request(connection, ticket);
  const std::uint64_t now = now_ns();
  const bool is_scheduled = parameters_.is_open_loop && is_load(ticket.kind);
  Flight flight{.from_ns = is_scheduled ? ticket.due_ns : now,
                .key = ticket.key,
                .kind = ticket.kind,
                .known = {},
                .payment = ticket.payment};
  if (ticket.key != Ticket::kNoKey) {
    KeyRecord& key = keys_[ticket.key];
    flight.known = known_about(key);
    if (ticket.kind == Kind::duplicate && key.in_flight > 0) ++tally_.counters.duplicates_overlapping;
    if (ticket.kind == Kind::cancel) key.seen |= kSeenCancelSent;
    if (ticket.kind == Kind::pay) {
      provider_.on_sent(ticket.payment);
      if (!provider_.message(ticket.payment).succeeds) key.seen |= kSeenFailSent;
    }
    ++key.in_flight;
  }
  ++tally_.counters.requests_sent;
  flights_[connection] = flight;
  pool_.send(connection, request_, now);
}

void Worker::on_response(ConnectionIndex connection, const Response& response) {
  settle(connection, read_answer(flights_[connection].kind, response));
  fill();
}

void Worker::on_lost(ConnectionIndex connection, Outcome outcome) { settle(connection, no_answer(outcome)); }

void Worker::settle(ConnectionIndex connection, const Answer& answer) {
  const Flight& flight = flights_[connection];
  const std::uint64_t now = now_ns();
  tally_.count(flight.kind, answer, now - std::min(now, flight.from_ns));
  if (flight.key == Ticket::kNoKey) return;
  --keys_[flight.key].in_flight;
  if (flight.kind == Kind::pay) return provider_.on_answer(flight.key, flight.payment, answer, now);
  settle_order(flight, answer, now);
}

void Worker::settle_order(const Flight& flight, const Answer& answer, std::uint64_t now) {
  KeyRecord& key = keys_[flight.key];
  if (flight.kind == Kind::resolve && answer.outcome != Outcome::connect_failed) ++key.resolve_attempts;
  // Derived only when there is something to compare it with: it costs a SHA-1.
  const OrderId expected = answer.order_id ? parameters_.text->order_id_of(key) : OrderId();
  observe(key, flight.kind, answer, flight.known, expected);
  if (phase_ == Phase::resolve) return;
  traffic_.on_answer(flight.key, flight.kind, answer.outcome, now);
  const bool is_written = answer.outcome == Outcome::created;
  if (is_written || answer.outcome == Outcome::accepted) provider_.on_order(flight.key, key, now, is_written);
}

}  // namespace flashsale::load
