#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <queue>
#include <vector>

#include "observations.hpp"
#include "options.hpp"
#include "random.hpp"
#include "tally.hpp"

namespace flashsale::load {

/// A request that is to be sent.
struct Ticket {
  static constexpr KeyLog::Index kNoKey = ~KeyLog::Index{0};

  std::uint64_t due_ns = 0;
  KeyLog::Index key = kNoKey;
  Kind kind = Kind::reader;
  bool respond_async = false;
  std::uint32_t payment = 0;  ///< of Kind::pay: which message of the worker's provider
};

/// Who comes next and what they want, for the buyers of one worker: those whose number is `share` modulo `shares`, so
/// that a key belongs to one thread. Decides by its own seeded numbers; of the answers it only uses which keys have
/// had one.
class Traffic {
 public:
  struct Parameters {
    Mix mix;
    std::uint32_t buyers = 0;
    std::uint16_t first_item = 0;
    std::uint16_t items = 1;
    std::uint32_t greedy_orders = 2;  ///< one more than the limit allows
    std::size_t queue_max = 0;
    std::uint64_t seed = 0;
    unsigned share = 0;
    unsigned shares = 1;
    std::uint64_t cancel_delay_ns = 0;  ///< cancellations come up to so long after their order
  };
  Traffic(const Parameters& parameters, KeyLog& keys, Tally& tally);

  /// One arrival: puts what it wants to send at the end of the queue, or counts it as not sent where that is full.
  void arrive(std::uint64_t due_ns);
  void push(const Ticket& ticket);
  /// Joins the queue when it is due.
  void push_later(const Ticket& ticket) { later_.push(ticket); }
  void release_later(std::uint64_t now_ns);
  [[nodiscard]] std::size_t later() const { return later_.size(); }
  [[nodiscard]] std::optional<Ticket> pop();
  [[nodiscard]] std::size_t waiting() const { return queue_.size(); }
  void drop_waiting();

  /// Remembers a key for retries, and may make its buyer cancel.
  void on_answer(KeyLog::Index key, Kind kind, Outcome outcome, std::uint64_t now_ns);

 private:
  KeyLog::Index new_key(std::uint32_t buyer);
  std::uint32_t next_buyer();
  void push_checkout(std::uint64_t due_ns, KeyLog::Index key, Kind kind);
  void arrive_greedily(std::uint64_t due_ns);
  [[nodiscard]] std::optional<KeyLog::Index> earlier_key();

  struct IsDueAfter {
    bool operator()(const Ticket& a, const Ticket& b) const { return a.due_ns > b.due_ns; }
  };

  /// A bounded sample of keys: a newer one takes the place of a random older one.
  class Sample {
   public:
    void add(KeyLog::Index key, Random& random);
    [[nodiscard]] std::optional<KeyLog::Index> pick(Random& random) const;

   private:
    std::vector<KeyLog::Index> keys_;
  };

  Parameters parameters_;
  KeyLog& keys_;
  Tally& tally_;
  Random random_;
  Random answers_random_;  ///< apart, so that answers do not change what comes
  std::deque<Ticket> queue_;
  std::priority_queue<Ticket, std::vector<Ticket>, IsDueAfter> later_;
  std::vector<std::uint32_t> purchases_;  ///< of each buyer so far
  std::uint32_t own_buyers_;
  std::uint32_t next_own_buyer_ = 0;
  bool all_buyers_used_ = false;
  Sample answered_;
  Sample with_order_;
};

}  // namespace flashsale::load
