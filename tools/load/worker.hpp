#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "arrivals.hpp"
#include "connection_pool.hpp"
#include "observations.hpp"
#include "options.hpp"
#include "payment_provider.hpp"
#include "payment_text.hpp"
#include "request_text.hpp"
#include "tally.hpp"
#include "target.hpp"
#include "traffic.hpp"

namespace flashsale::load {

/// One thread of the load: its connections, its buyers, its share of the arrivals.
class Worker final : private ConnectionListener {
 public:
  struct Parameters {
    const RequestText* text = nullptr;
    const PaymentText* payment_text = nullptr;  ///< null: nobody pays
    std::vector<Target> targets;
    Traffic::Parameters traffic;
    PaymentProvider::Parameters payments;
    bool is_open_loop = false;
    double rate_per_s = 0;  ///< of all workers
    ArrivalPattern arrivals = ArrivalPattern::poisson;
    std::size_t connections = 1;  ///< of this worker
    std::uint64_t timeout_ns = 0;
    std::uint64_t start_ns = 0;
    std::uint64_t load_ns = 0;
    std::uint64_t settle_ns = 0;  ///< to find out unknown outcomes
    const std::atomic<bool>* is_stopping = nullptr;
  };
  explicit Worker(const Parameters& parameters);

  /// The whole run; returns when nothing is under way any more.
  void run();

  /// Intervals so far; any thread.
  [[nodiscard]] std::vector<Interval> intervals() const;
  [[nodiscard]] bool is_loading() const { return is_loading_.load(std::memory_order_relaxed); }

  // After run().
  [[nodiscard]] const Tally& tally() const { return tally_; }
  /// Counters at the end of the load's time, without what was answered later.
  [[nodiscard]] const Counters& in_time() const { return in_time_; }
  [[nodiscard]] std::uint64_t load_cpu_ns() const { return load_cpu_ns_; }
  [[nodiscard]] std::uint64_t load_wall_ns() const { return load_wall_ns_; }
  [[nodiscard]] KeyLog& keys() { return keys_; }
  [[nodiscard]] const std::deque<PaymentMessage>& payments() const { return provider_.messages(); }

 private:
  struct Flight {
    std::uint64_t from_ns = 0;  ///< what latency counts from
    KeyLog::Index key = Ticket::kNoKey;
    Kind kind = Kind::reader;
    KnownAtSending known;
    std::uint32_t payment = 0;
  };
  enum class Phase : std::uint8_t { load, drain, pay, resolve };

  void on_response(ConnectionIndex connection, const Response& response) override;
  void on_lost(ConnectionIndex connection, Outcome outcome) override;
  void settle(ConnectionIndex connection, const Answer& answer);
  void settle_order(const Flight& flight, const Answer& answer, std::uint64_t now);

  void load();
  void drain();
  void finish_payments();
  void resolve();
  [[nodiscard]] std::size_t ask_again();
  void turn(std::uint64_t until_ns);
  void release_due(std::uint64_t now);
  void fill();
  void send(ConnectionIndex connection, const Ticket& ticket);
  void write_request(ConnectionIndex connection, const Ticket& ticket);
  void do_chores(std::uint64_t now);
  void end_interval();

  Parameters parameters_;
  KeyLog keys_;
  Tally tally_;
  Traffic traffic_;
  PaymentProvider provider_;
  Arrivals arrivals_;
  ConnectionPool pool_;
  std::vector<Flight> flights_;  ///< by connection
  std::string request_;

  Phase phase_ = Phase::load;
  std::size_t in_flight_max_;
  std::uint64_t next_chores_ns_ = 0;
  std::uint64_t next_interval_ns_ = 0;

  Counters in_time_;
  std::uint64_t load_cpu_ns_ = 0;
  std::uint64_t load_wall_ns_ = 0;
  std::atomic<bool> is_loading_{true};
  mutable std::mutex intervals_mutex_;
  std::vector<Interval> intervals_;
};

}  // namespace flashsale::load
