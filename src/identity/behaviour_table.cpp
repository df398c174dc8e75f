#include "flashsale/identity/behaviour_table.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "flashsale/model/check.hpp"
#include "flashsale/model/keyed_hash.hpp"

namespace flashsale::identity {
namespace {

using std::chrono::milliseconds;

/// What is lower tells nothing, and is most of a crowd.
constexpr int kScoreMin = 10;
/// After their last checkout.
constexpr std::chrono::seconds kFirstFoundWithin{60};
/// A checkout so long after a moment is no reaction to it; nor is one of somebody who was trying just before.
constexpr std::chrono::seconds kReactionMax{5};
constexpr std::chrono::seconds kTryingBefore{1};
/// A longer pause of an address ends what came before, and is no gap.
constexpr std::chrono::seconds kNewcomerGapMax{10};
constexpr std::size_t kCustomersOfNetwork = 4;
/// So many sets with customers are looked at for findings in one pass, and more of a table that would take more passes
/// than that: a customer's turn has to come well within kFirstFoundWithin.
constexpr std::size_t kSetsOfPassMin = 4096;
constexpr std::size_t kPassesMax = 8;

std::array<std::uint64_t, 2> random_key() {
  std::array<std::uint64_t, 2> key{};
  FLASHSALE_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), sizeof key) == 1);
  return key;
}

std::size_t sets_for(std::size_t places, std::size_t ways) { return std::bit_ceil(std::max(places, ways)) / ways; }

double ms_between(TimePoint a, TimePoint b) {
  return std::chrono::duration<double, std::milli>(std::chrono::abs(b - a)).count();
}

std::uint32_t whole_ms(std::chrono::microseconds time) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<milliseconds>(time).count());
}

}  // namespace

/// What place_of() compares stands first, in one cache line: in a full table each newcomer reads that of eight.
struct alignas(64) BehaviourTable::Customer {
  std::uint64_t key = 0;  ///< 0: nobody
  TimePoint last_at{};
  int score = 0;
  int found_score = -1;  ///< with which it was given out last; below 0: never
  std::int32_t sale_no = 0;
  bool is_changed = false;  ///< since it was given out
  bool is_put_back = false;
  std::uint32_t seen_in = 0;  ///< the pass before its last checkout
  std::uint64_t network = 0;
  TimePoint found_at{};   ///< the last checkout of which it was told when it was given out
  TimePoint run_at{};     ///< begin of the burst under way
  std::uint32_t run = 0;  ///< its checkouts
  std::string id;
  Behaviour seen;
};

struct BehaviourTable::Network {
  std::uint64_t key = 0;  ///< 0: nobody's
  std::uint32_t customers = 0;
  std::uint32_t fast = 0;
  Spread newcomers;
  TimePoint last_at{};
};

struct BehaviourTable::CustomerSet {
  std::array<Customer, kWays> places;
};
struct BehaviourTable::NetworkSet {
  std::array<Network, kWays> places;
};

BehaviourTable::BehaviourTable(const Options& options)
    : options_(options),
      hash_key_(random_key()),
      customers_(sets_for(options.customers_max, kWays)),
      networks_(sets_for(options.customers_max / kCustomersOfNetwork, kWays)) {}

BehaviourTable::~BehaviourTable() = default;

std::uint64_t BehaviourTable::key_of(std::int32_t sale_no, std::string_view text) const {
  std::array<char, sizeof sale_no + kCustomerBytesMax> bytes{};
  const auto size = std::min(text.size(), kCustomerBytesMax);
  std::memcpy(bytes.data(), &sale_no, sizeof sale_no);
  std::memcpy(bytes.data() + sizeof sale_no, text.data(), size);
  const auto hash = keyed_hash(hash_key_, {bytes.data(), sizeof sale_no + size});
  return std::max<std::uint64_t>(hash, 1);
}

BehaviourTable::Customer* BehaviourTable::find(std::int32_t sale_no, std::string_view customer_id) {
  const auto key = key_of(sale_no, customer_id);
  const auto& set = customers_[key & (customers_.size() - 1)];
  if (!set) return nullptr;
  const auto place = std::ranges::find(set->places, key, &Customer::key);
  return place == set->places.end() ? nullptr : &*place;
}

/// The customer's own, or one that is free by now.
BehaviourTable::Customer& BehaviourTable::place_of(std::uint64_t key) {
  auto& set = customers_[key & (customers_.size() - 1)];
  if (!set) set = std::make_unique<CustomerSet>();
  auto& places = set->places;
  if (const auto own = std::ranges::find(places, key, &Customer::key); own != places.end()) return *own;
  const auto is_before = [](const Customer& a, const Customer& b) {
    if (a.key == 0 || b.key == 0) return a.key == 0 && b.key != 0;
    return a.score != b.score ? a.score < b.score : a.last_at < b.last_at;
  };
  auto& place = *std::ranges::min_element(places, is_before);
  place = Customer();
  return place;
}

BehaviourTable::Network& BehaviourTable::network_of(std::uint64_t key) {
  auto& set = networks_[key & (networks_.size() - 1)];
  if (!set) set = std::make_unique<NetworkSet>();
  auto& places = set->places;
  if (const auto own = std::ranges::find(places, key, &Network::key); own != places.end()) return *own;
  const auto is_before = [](const Network& a, const Network& b) {
    return a.customers != b.customers ? a.customers < b.customers : a.last_at < b.last_at;
  };
  auto& place = *std::ranges::min_element(places, is_before);
  place = Network();
  place.key = key;
  return place;
}

const BehaviourTable::Network* BehaviourTable::find_network(std::uint64_t key) const {
  const auto& set = networks_[key & (networks_.size() - 1)];
  if (!set) return nullptr;
  const auto place = std::ranges::find(set->places, key, &Network::key);
  return place == set->places.end() ? nullptr : &*place;
}

/// The first checkout of a customer.
void BehaviourTable::come(Customer& customer, const Checkout& checkout) {
  customer.sale_no = checkout.sale_no;
  customer.id = checkout.customer_id;
  customer.network = key_of(checkout.sale_no, checkout.network);
  auto& network = network_of(customer.network);
  if (network.customers > 0 && std::chrono::abs(checkout.at - network.last_at) <= kNewcomerGapMax) {
    network.newcomers.add(ms_between(network.last_at, checkout.at));
  }
  ++network.customers;
  network.last_at = std::max(network.last_at, checkout.at);
}

void BehaviourTable::react(Customer& customer, const Checkout& checkout, const SellingMoments& moments) {
  const auto reacts_to = [&](TimePoint moment) {
    const bool tried_before = customer.seen.checkouts > 0 && customer.last_at >= moment - kTryingBefore;
    return checkout.at >= moment && checkout.at - moment <= kReactionMax && !tried_before;
  };
  if (moments.opening && reacts_to(*moments.opening)) {
    const auto after = checkout.at - *moments.opening;
    customer.seen.opening_ms = whole_ms(after);
    if (after < kReactionMin) ++network_of(customer.network).fast;
    return;
  }
  const auto next = std::ranges::upper_bound(moments.returns, checkout.at);
  if (next == moments.returns.begin() || !reacts_to(*std::prev(next))) return;
  ++customer.seen.returns;
  if (checkout.at - *std::prev(next) < kReactionMin) ++customer.seen.fast_returns;
}

void BehaviourTable::observe(const Checkout& checkout, const SellingMoments& moments) {
  if (checkout.customer_id.size() > kCustomerBytesMax) return;
  const auto key = key_of(checkout.sale_no, checkout.customer_id);
  auto& customer = place_of(key);
  const bool is_first = customer.key == 0;
  if (is_first) come(customer, checkout);
  customer.key = key;
  react(customer, checkout, moments);
  // Threads hand over their notes one after the other, so that one may come before another that was earlier.
  const auto gap = std::chrono::abs(checkout.at - customer.last_at);
  const bool goes_on = !is_first && gap <= kHandGapMin;
  if (!is_first && !goes_on && gap < kRetryGapMin) customer.seen.rhythm.add(ms_between(customer.last_at, checkout.at));
  if (!goes_on) {
    customer.run = 0;
    customer.run_at = checkout.at;
  }
  if (++customer.run > customer.seen.burst) {
    customer.seen.burst = customer.run;
    customer.seen.burst_at = customer.run_at;
    customer.seen.burst_ms = whole_ms(std::chrono::abs(checkout.at - customer.run_at));
  }
  ++customer.seen.checkouts;
  customer.last_at = is_first ? checkout.at : std::max(customer.last_at, checkout.at);
  newest_at_ = std::max(newest_at_, checkout.at);
  customer.is_changed = true;
  customer.seen_in = passes_;
  customer.score = behaviour_score(customer.seen);
  sets_to_look_at_ = customers_.size();
}

void BehaviourTable::look_at_neighbours(Customer& customer) const {
  const auto* network = find_network(customer.network);
  if (network == nullptr) return;
  customer.seen.neighbours = network->customers;
  customer.seen.fast_neighbours = network->fast;
  customer.seen.newcomers = network->newcomers;
  customer.score = behaviour_score(customer.seen);
}

/// Of somebody who was given out before. What others at the same address do moves a score, too.
bool BehaviourTable::is_due(const Customer& customer, Wanted wanted) {
  if (customer.is_put_back) return true;
  const bool has_moved = behaviour_band(customer.score) != behaviour_band(customer.found_score) ||
                         std::abs(customer.score - customer.found_score) >= kScoreHardly;
  if (has_moved || !customer.is_changed) return has_moved;
  if (wanted == Wanted::all || customer.last_at - customer.found_at >= kSaidAgainAfter) return true;
  if (passes_ - customer.seen_in >= kQuietPasses) return true;
  sets_to_look_at_ = customers_.size();
  return false;
}

/// For the first time. A flood of one band leaves those of the others their room.
bool BehaviourTable::is_worth_keeping(const Customer& customer) {
  if (customer.score < kScoreMin) return false;
  // Somebody who was erased meanwhile is not to come back by what others do later.
  if (newest_at_ - customer.last_at > kFirstFoundWithin) return false;
  auto& found = found_[customer.sale_no][static_cast<std::size_t>(behaviour_band(customer.score))];
  if (found >= options_.findings_of_band_max) return false;
  ++found;
  return true;
}

std::vector<BehaviourTable::Finding> BehaviourTable::take_findings(std::size_t count, Wanted wanted) {
  std::vector<Finding> findings;
  ++passes_;
  const auto sets_of_pass = std::max(kSetsOfPassMin, customers_.size() / kPassesMax);
  std::size_t looked_at = 0;
  for (std::size_t i = 0; i < customers_.size() && looked_at < sets_of_pass && findings.size() < count; ++i) {
    if (sets_to_look_at_ > 0) --sets_to_look_at_;
    if (customers_[next_set_]) {
      take_findings_of(*customers_[next_set_], wanted, findings);
      ++looked_at;
    }
    if (++next_set_ < customers_.size()) continue;
    next_set_ = 0;
    bands_ = std::exchange(bands_under_way_, {});
  }
  return findings;
}

void BehaviourTable::take_findings_of(CustomerSet& set, Wanted wanted, std::vector<Finding>& findings) {
  for (auto& customer : set.places) {
    if (customer.key == 0) continue;
    look_at_neighbours(customer);
    ++bands_under_way_[static_cast<std::size_t>(behaviour_band(customer.score))];
    const bool was_found = customer.found_score >= 0;
    if (!(was_found ? is_due(customer, wanted) : is_worth_keeping(customer))) continue;
    findings.push_back({customer.sale_no, customer.id, customer.seen, customer.score, customer.last_at, was_found});
    customer.found_score = customer.score;
    customer.found_at = customer.last_at;
    customer.is_changed = customer.is_put_back = false;
  }
}

void BehaviourTable::put_back(const Finding& finding) {
  auto* const customer = find(finding.sale_no, finding.customer_id);
  if (customer == nullptr) return;
  customer->is_put_back = true;
  sets_to_look_at_ = customers_.size();
  if (finding.was_found) return;
  customer->found_score = -1;
  --found_[finding.sale_no][static_cast<std::size_t>(behaviour_band(finding.score))];
}

void BehaviourTable::forget(std::int32_t sale_no, std::string_view customer_id) {
  if (auto* const customer = find(sale_no, customer_id)) *customer = Customer();
}

}  // namespace flashsale::identity
