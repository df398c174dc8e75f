#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/behaviour.hpp"

namespace flashsale::identity {

/// When a sale began to sell, and when units came back to it: what one can react to.
struct SellingMoments {
  std::optional<TimePoint> opening;  ///< by the clock; what somebody opens by hand nobody waits for
  std::vector<TimePoint> returns;    ///< rising
};

/// How the customers of all sales behave, as one process has seen it, in bounded memory: sets of eight places, found by
/// a hash that is keyed at random, so that nobody can aim at another's place. In a full set whoever looks most like
/// people goes first, and among equals who has been quiet for longest: a crowd of fresh accounts pushes out each other,
/// not the one that has been seen to be a machine. One thread.
class BehaviourTable {
 public:
  struct Options {
    std::uint32_t customers_max = 131'072;      ///< rounded up to a power of two, at least 8
    std::uint32_t findings_of_band_max = 5000;  ///< of one sale and band, as long as the process lives
  };
  struct Checkout {
    std::int32_t sale_no = 0;
    std::string_view customer_id;  ///< of more than kCustomerBytesMax nothing is kept
    std::string_view network;      ///< as client_network() gives it
    TimePoint at{};
  };
  static constexpr std::size_t kCustomerBytesMax = 128;

  /// What is worth to be kept elsewhere.
  struct Finding {
    std::int32_t sale_no = 0;
    std::string customer_id;
    Behaviour behaviour;
    int score = 0;
    TimePoint seen_at{};
    bool was_found = false;  ///< this process has given it out before
  };
  using Bands = std::array<std::uint64_t, kBehaviourBands.size()>;

  explicit BehaviourTable(const Options& options);
  ~BehaviourTable();
  BehaviourTable(const BehaviourTable&) = delete;
  BehaviourTable& operator=(const BehaviourTable&) = delete;

  void observe(const Checkout& checkout, const SellingMoments& moments);
  enum class Wanted : std::uint8_t { what_matters, all };
  /// Customers whose score is worth keeping and of whom something is new since they were given out: `count`, or a few
  /// more. A pass looks at a part of a large table, and the next one goes on there. What matters is not whose score has
  /// hardly moved since then, until they have been quiet for kQuietPasses or kSaidAgainAfter has passed: whoever goes
  /// on for hours is not given out with each checkout.
  [[nodiscard]] std::vector<Finding> take_findings(std::size_t count, Wanted wanted = Wanted::what_matters);
  /// Something has come that take_findings() has not looked at yet, or has held back.
  [[nodiscard]] bool has_news() const { return sets_to_look_at_ > 0; }
  static constexpr std::uint32_t kQuietPasses = 3;
  static constexpr int kScoreHardly = 5;  ///< points, within one band
  static constexpr std::chrono::minutes kSaidAgainAfter{10};
  /// It could not be kept, and is given out again.
  void put_back(const Finding& finding);
  /// As if the customer had never come.
  void forget(std::int32_t sale_no, std::string_view customer_id);
  /// How many customers are remembered, as of the last time that take_findings() has come to the table's end.
  [[nodiscard]] const Bands& bands() const { return bands_; }

 private:
  static constexpr std::size_t kWays = 8;
  struct Customer;
  struct Network;
  struct CustomerSet;
  struct NetworkSet;

  [[nodiscard]] std::uint64_t key_of(std::int32_t sale_no, std::string_view text) const;
  [[nodiscard]] Customer* find(std::int32_t sale_no, std::string_view customer_id);
  Customer& place_of(std::uint64_t key);
  Network& network_of(std::uint64_t key);
  [[nodiscard]] const Network* find_network(std::uint64_t key) const;
  void come(Customer& customer, const Checkout& checkout);
  void react(Customer& customer, const Checkout& checkout, const SellingMoments& moments);
  void look_at_neighbours(Customer& customer) const;
  [[nodiscard]] bool is_worth_keeping(const Customer& customer);
  [[nodiscard]] bool is_due(const Customer& customer, Wanted wanted);
  void take_findings_of(CustomerSet& set, Wanted wanted, std::vector<Finding>& findings);

  Options options_;
  std::array<std::uint64_t, 2> hash_key_;
  std::vector<std::unique_ptr<CustomerSet>> customers_;  ///< made when the first of a set comes
  std::vector<std::unique_ptr<NetworkSet>> networks_;
  std::map<std::int32_t, std::array<std::uint32_t, kBehaviourBands.size()>> found_;  ///< by sale
  Bands bands_{};
  Bands bands_under_way_{};
  TimePoint newest_at_{};            ///< of all checkouts
  std::size_t next_set_ = 0;         ///< where the next pass begins, so that everybody's turn comes
  std::size_t sets_to_look_at_ = 0;  ///< until it has looked at whatever has changed
  std::uint32_t passes_ = 0;
};

}  // namespace flashsale::identity
