#include "check_budget.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "flashsale/identity/client_address.hpp"
#include "flashsale/model/check.hpp"
#include "flashsale/model/keyed_hash.hpp"

namespace flashsale::identity {
namespace {

using std::chrono::nanoseconds;

/// Work at once after a pause.
constexpr std::chrono::milliseconds kBurstOfAddress{20};
constexpr std::chrono::milliseconds kBurstOfThread{50};

constexpr unsigned kIpv6NeighboursBytes = 6;
constexpr unsigned kTickBits = 18;  // of 262 µs: 40 bits of them last nine years
constexpr unsigned kUntilBits = 40;
constexpr std::uint64_t kUntilMask = (std::uint64_t{1} << kUntilBits) - 1;

// Each failed attempt is somebody else's success on the same slot; so many in a row do not happen.
constexpr int kAttemptsMax = 64;

std::uint64_t tag_of(std::uint64_t hash) { return hash >> kUntilBits; }
std::uint64_t ticks_of(std::int64_t ns) { return static_cast<std::uint64_t>(ns) >> kTickBits; }
std::int64_t ns_of(nanoseconds time, double share) {
  return static_cast<std::int64_t>(std::ceil(static_cast<double>(time.count()) / share));
}

std::array<std::uint64_t, 2> random_key() {
  std::array<std::uint64_t, 2> key{};
  FLASHSALE_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), sizeof key) == 1);
  return key;
}

}  // namespace

CheckBudget::CheckBudget(const Options& options)
    : options_(options),
      hash_key_(random_key()),
      start_(std::chrono::steady_clock::now()),
      all_{options.share_of_all * options.threads, ns_of(kBurstOfThread, options.share_of_all)},
      most_{all_.share * kMostOfAll, all_.rest_ns},
      sets_(std::bit_ceil(std::max<std::size_t>(options.addresses_max, kWays)) / kWays) {}

std::int64_t CheckBudget::since_start_ns(Time now) const {
  return std::max<std::int64_t>(std::chrono::duration_cast<nanoseconds>(now - start_).count(), 0);
}

CheckBudget::Sender CheckBudget::sender(std::string_view address) const {
  return {keyed_hash(hash_key_, client_network(address)),
          keyed_hash(hash_key_, client_network(address, kIpv6NeighboursBytes))};
}

/// 0: nothing is known of them.
std::uint64_t CheckBudget::used_until(std::uint64_t hash) const {
  for (const auto& slot : sets_[hash & (sets_.size() - 1)].slots) {
    const std::uint64_t entry = slot.load(std::memory_order_relaxed);
    if (tag_of(entry) == tag_of(hash)) return entry & kUntilMask;
  }
  return 0;
}

bool CheckBudget::is_left(const Sender& sender, Time now) const {
  if (is_unbounded()) return true;
  const std::int64_t now_ns = since_start_ns(now);
  const std::uint64_t now_ticks = ticks_of(now_ns);
  const std::uint64_t rest_ticks = ticks_of(ns_of(kBurstOfAddress, options_.share_of_address));
  const std::uint64_t own = used_until(sender.network);
  if (own > now_ticks + rest_ticks) return false;
  const auto has_rest = [now_ns](const Common& common) {
    return common.used_until_ns.load(std::memory_order_relaxed) <= now_ns + common.rest_ns;
  };
  if (has_rest(all_)) return true;
  const std::uint64_t last = std::max(own, used_until(sender.neighbours));
  const bool has_forged_lately = last != 0 && last + ticks_of(nanoseconds(kLately).count()) > now_ticks;
  return !has_forged_lately && has_rest(most_);
}

void CheckBudget::charge(const Sender& sender, Time now, nanoseconds work) {
  if (is_unbounded()) return;
  const std::int64_t now_ns = since_start_ns(now);
  const std::uint64_t ticks = ticks_of(ns_of(work, options_.share_of_address)) + 1;
  use(sender.network, ticks_of(now_ns), ticks);
  if (sender.neighbours != sender.network) use(sender.neighbours, ticks_of(now_ns), 0);
  use(all_, now_ns, work.count());
  use(most_, now_ns, work.count());
}

void CheckBudget::use(std::uint64_t hash, std::uint64_t now_ticks, std::uint64_t ticks) {
  auto& slots = sets_[hash & (sets_.size() - 1)].slots;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    std::atomic<std::uint64_t>* place = nullptr;
    std::uint64_t seen = 0;
    for (auto& slot : slots) {
      const std::uint64_t entry = slot.load(std::memory_order_relaxed);
      const bool is_own = tag_of(entry) == tag_of(hash);
      if (!is_own && place != nullptr && (entry & kUntilMask) >= (seen & kUntilMask)) continue;
      place = &slot;
      seen = entry;
      if (is_own) break;
    }
    const std::uint64_t used = tag_of(seen) == tag_of(hash) ? seen & kUntilMask : 0;
    const std::uint64_t entry = (tag_of(hash) << kUntilBits) | ((std::max(used, now_ticks) + ticks) & kUntilMask);
    // The slots guard no other memory, so no order is needed.
    if (place->compare_exchange_strong(seen, entry, std::memory_order_relaxed)) return;
  }
}

void CheckBudget::use(Common& common, std::int64_t now_ns, std::int64_t work_ns) {
  const std::int64_t cost_ns = ns_of(nanoseconds(work_ns), common.share);
  // What is let through although this is used up is no debt that outlasts the attack.
  const std::int64_t most_ns = now_ns + common.rest_ns + cost_ns;
  std::int64_t until_ns = common.used_until_ns.load(std::memory_order_relaxed);
  while (!common.used_until_ns.compare_exchange_weak(until_ns, std::min(std::max(until_ns, now_ns) + cost_ns, most_ns),
                                                     std::memory_order_relaxed)) {
  }
}

}  // namespace flashsale::identity
