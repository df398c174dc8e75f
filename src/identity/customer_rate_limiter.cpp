#include "flashsale/identity/customer_rate_limiter.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "flashsale/model/check.hpp"
#include "flashsale/model/keyed_hash.hpp"

// An entry is 24 bits of the customer's hash and 40 bits of the moment until which the customer has used up their
// requests (GCRA's theoretical arrival time). It is counted in ticks, sixteenths of the interval between two requests
// at the allowed rate, so that a request costs a whole number of them whatever the rate. The count wraps; an entry is
// only ever compared with the present, and one that would be much further ahead of it than the burst allows is an old
// one.

namespace flashsale::identity {
namespace {

constexpr std::uint32_t kRateMax = 1'000'000;
constexpr std::uint32_t kBurstMax = 1'000'000;
constexpr std::uint32_t kCustomersMax = 1U << 26;
constexpr std::uint64_t kTicksPerRequest = 16;
constexpr unsigned kTimeBits = 40;
constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kTimeBits) - 1;
constexpr std::uint64_t kNobody = 0;  // no entry has the tag 0

// A thread that was suspended between reading the clock and coming here is late by at most this.
constexpr std::uint64_t kLatenessMaxS = 60;

// Each failed attempt is somebody else's success on the same slot; so many in a row do not happen.
constexpr int kAttemptsMax = 64;

std::uint64_t tag_of(std::uint64_t hash) { return std::max<std::uint64_t>(hash >> kTimeBits, 1); }

const CustomerRateLimiter::Options& checked(const CustomerRateLimiter::Options& options) {
  if (options.requests_per_s < 1 || options.requests_per_s > kRateMax) {
    throw std::invalid_argument("the requests a second of a customer must be 1 to 1000000");
  }
  if (options.burst < 1 || options.burst > kBurstMax) {
    throw std::invalid_argument("the burst of a customer must be 1 to 1000000");
  }
  if (options.customers_max < 1 || options.customers_max > kCustomersMax) {
    throw std::invalid_argument("the number of customers whose rate is limited must be 1 to 67108864");
  }
  return options;
}

std::array<std::uint64_t, 2> random_key() {
  std::array<std::uint64_t, 2> key{};
  FLASHSALE_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), sizeof key) == 1);
  return key;
}

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

}  // namespace

CustomerRateLimiter::CustomerRateLimiter(const Options& options)
    : options_(checked(options)),
      hash_key_(random_key()),
      burst_ticks_(options.burst * kTicksPerRequest),
      ahead_ticks_max_(burst_ticks_ + kLatenessMaxS * options.requests_per_s * kTicksPerRequest),
      start_(std::chrono::steady_clock::now()),
      sets_(std::bit_ceil(std::max<std::size_t>(options.customers_max, kWays)) / kWays) {}

std::uint64_t CustomerRateLimiter::ticks(std::chrono::steady_clock::time_point now) const {
  constexpr std::uint64_t kNsPerS = 1'000'000'000;
  const auto since_start = std::chrono::duration_cast<std::chrono::nanoseconds>(now - start_);
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(since_start.count(), 0));
  const std::uint64_t ticks_per_s = options_.requests_per_s * kTicksPerRequest;
  return (ns / kNsPerS * ticks_per_s + ns % kNsPerS * ticks_per_s / kNsPerS) & kTimeMask;
}

/// How far the entry's moment is ahead of now; 0 when it is past. It can be more than the burst when another thread
/// has read the clock later than this one; beyond what that explains, it is an old entry met again after a wrap.
std::uint64_t CustomerRateLimiter::ahead(std::uint64_t entry, std::uint64_t now_ticks) const {
  const std::uint64_t distance = (entry - now_ticks) & kTimeMask;
  return distance <= ahead_ticks_max_ ? distance : 0;
}

CustomerRateLimiter::Place CustomerRateLimiter::find_place(Set& set, std::uint64_t tag, std::uint64_t now_ticks) const {
  Place oldest;
  std::uint64_t oldest_age = 0;
  for (std::atomic<std::uint64_t>& slot : set.slots) {
    const std::uint64_t entry = slot.load(std::memory_order_relaxed);
    if (entry >> kTimeBits == tag) return {&slot, entry, true};
    // Ages below 0 wrap, so they are counted from the furthest moment that an entry can name.
    const std::uint64_t age = entry == kNobody ? kTimeMask + 1 : (now_ticks + ahead_ticks_max_ - entry) & kTimeMask;
    if (oldest.slot == nullptr || age > oldest_age) {
      oldest = {&slot, entry, false};
      oldest_age = age;
    }
  }
  return oldest;
}

CustomerRateLimiter::Decision CustomerRateLimiter::decide(bool allowed, std::uint64_t ahead_ticks) const {
  const std::uint64_t ticks_per_s = options_.requests_per_s * kTicksPerRequest;
  Decision decision;
  decision.allowed = allowed;
  decision.reset_s = static_cast<std::uint32_t>(divide_up(ahead_ticks, ticks_per_s));
  if (ahead_ticks < burst_ticks_) {
    decision.remaining = static_cast<std::uint32_t>((burst_ticks_ - ahead_ticks) / kTicksPerRequest);
  }
  if (!allowed) {
    const std::uint64_t wait = ahead_ticks + kTicksPerRequest - burst_ticks_;
    decision.retry_after_s = static_cast<std::uint32_t>(std::max<std::uint64_t>(divide_up(wait, ticks_per_s), 1));
  }
  return decision;
}

CustomerRateLimiter::Decision CustomerRateLimiter::take(std::string_view customer_id,
                                                        std::chrono::steady_clock::time_point now) {
  const std::uint64_t hash = keyed_hash(hash_key_, customer_id);
  const std::uint64_t tag = tag_of(hash);
  const std::uint64_t now_ticks = ticks(now);
  Set& set = sets_[hash & (sets_.size() - 1)];
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    Place place = find_place(set, tag, now_ticks);
    const std::uint64_t used = place.is_own ? ahead(place.seen, now_ticks) : 0;
    const std::uint64_t used_after = used + kTicksPerRequest;
    if (used_after > burst_ticks_) return decide(false, used);
    const std::uint64_t entry = (tag << kTimeBits) | ((now_ticks + used_after) & kTimeMask);
    // The slots guard no other memory, so no order is needed.
    if (place.slot->compare_exchange_strong(place.seen, entry, std::memory_order_relaxed)) {
      return decide(true, used_after);
    }
  }
  return decide(true, burst_ticks_);
}

}  // namespace flashsale::identity
