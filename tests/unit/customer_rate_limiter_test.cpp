#include "flashsale/identity/customer_rate_limiter.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace flashsale::identity {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Requests let through when asking `attempts` times at one moment.
unsigned take_many(CustomerRateLimiter& limiter, const std::string& customer, Clock::time_point now, int attempts) {
  unsigned allowed = 0;
  for (int i = 0; i < attempts; ++i) allowed += limiter.take(customer, now).allowed ? 1U : 0U;
  return allowed;
}

TEST(CustomerRateLimiterTest, LetsABurstThroughAndThenTheRate) {
  CustomerRateLimiter limiter({.requests_per_s = 100, .burst = 200, .customers_max = 1024});
  const auto start = Clock::now();
  EXPECT_EQ(take_many(limiter, "alice", start, 500), 200U);
  for (int step = 1; step <= 100; ++step) {
    EXPECT_EQ(take_many(limiter, "alice", start + milliseconds{10 * step}, 5), 1U) << step;
  }
  EXPECT_EQ(take_many(limiter, "alice", start + seconds{2}, 500), 100U);
  EXPECT_EQ(take_many(limiter, "alice", start + seconds{60}, 500), 200U);  // never more than the burst
}

TEST(CustomerRateLimiterTest, CustomersDoNotShare) {
  CustomerRateLimiter limiter({.requests_per_s = 10, .burst = 10, .customers_max = 4096});
  const auto now = Clock::now();
  for (int i = 0; i < 200; ++i) EXPECT_EQ(take_many(limiter, "customer-" + std::to_string(i), now, 20), 10U) << i;
}

TEST(CustomerRateLimiterTest, TellsWhatIsLeftAndWhenToComeBack) {
  CustomerRateLimiter limiter({.requests_per_s = 2, .burst = 4, .customers_max = 8});
  const auto now = Clock::now();
  const auto first = limiter.take("alice", now);
  EXPECT_TRUE(first.allowed);
  EXPECT_EQ(first.remaining, 3U);
  EXPECT_EQ(first.reset_s, 1U);
  EXPECT_EQ(first.retry_after_s, 0U);
  EXPECT_EQ(take_many(limiter, "alice", now, 3), 3U);
  const auto refused = limiter.take("alice", now);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 0U);
  EXPECT_EQ(refused.retry_after_s, 1U);
  EXPECT_EQ(refused.reset_s, 2U);
  EXPECT_TRUE(limiter.take("alice", now + seconds{refused.retry_after_s}).allowed);
}

TEST(CustomerRateLimiterTest, RetryAfterIsKept) {
  // One request in a while: the wait is longer than a second's rounding.
  for (const std::uint32_t rate : {1U, 3U, 7U, 100U, 1'000'000U}) {
    CustomerRateLimiter limiter({.requests_per_s = rate, .burst = 1, .customers_max = 8});
    const auto now = Clock::now();
    EXPECT_TRUE(limiter.take("alice", now).allowed);
    const auto refused = limiter.take("alice", now);
    ASSERT_FALSE(refused.allowed);
    EXPECT_GE(refused.retry_after_s, 1U);
    EXPECT_TRUE(limiter.take("alice", now + seconds{refused.retry_after_s}).allowed) << rate;
  }
}

TEST(CustomerRateLimiterTest, KeepsItsRateForYears) {
  // The counter of ticks wraps after 79 days at this rate.
  CustomerRateLimiter limiter({.requests_per_s = 10'000, .burst = 5, .customers_max = 8});
  const auto start = Clock::now();
  for (int day = 0; day < 1000; ++day) {
    const auto now = start + hours{24 * day};
    ASSERT_EQ(take_many(limiter, "alice", now, 20), 5U) << day;
    ASSERT_EQ(take_many(limiter, "alice", now + milliseconds{1}, 20), 5U) << day;
  }
}

TEST(CustomerRateLimiterTest, AClockReadALittleEarlierIsHarmless) {
  CustomerRateLimiter limiter({.requests_per_s = 100, .burst = 10, .customers_max = 8});
  const auto now = Clock::now() + seconds{10};
  EXPECT_EQ(take_many(limiter, "alice", now, 20), 10U);
  EXPECT_EQ(take_many(limiter, "alice", now - milliseconds{5}, 20), 0U);
  EXPECT_EQ(take_many(limiter, "alice", now - milliseconds{500}, 20), 0U);
}

TEST(CustomerRateLimiterTest, ForgetsTheOneWhoWasQuietForLongest) {
  CustomerRateLimiter limiter({.requests_per_s = 1, .burst = 10, .customers_max = 8});
  const auto start = Clock::now();
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(take_many(limiter, "customer-" + std::to_string(i), start + milliseconds{i * 10}, 20), 10U);
  }
  EXPECT_TRUE(limiter.take("customer-0", start + seconds{1}).allowed);  // no longer the quietest
  const auto later = start + milliseconds{1100};
  EXPECT_EQ(take_many(limiter, "newcomer", later, 20), 10U);
  EXPECT_LE(take_many(limiter, "customer-0", later, 20), 1U);
  for (int i = 2; i < 8; ++i) EXPECT_LE(take_many(limiter, "customer-" + std::to_string(i), later, 20), 1U) << i;
  EXPECT_EQ(take_many(limiter, "customer-1", later, 20), 10U);  // the forgotten one begins anew
}

TEST(CustomerRateLimiterTest, ForgettingOnlyLetsThrough) {
  CustomerRateLimiter limiter({.requests_per_s = 1, .burst = 3, .customers_max = 64});
  const auto now = Clock::now();
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 1000; ++i) {
      const unsigned allowed = take_many(limiter, "customer-" + std::to_string(i), now, 3);
      EXPECT_TRUE(allowed == 3 || round > 0) << i;
    }
  }
}

TEST(CustomerRateLimiterTest, ThreadsTogetherTakeExactlyTheBurstAndTheRate) {
  CustomerRateLimiter limiter({.requests_per_s = 100, .burst = 200, .customers_max = 1024});
  const auto start = Clock::now();
  for (int step = 0; step < 20; ++step) {
    const auto now = start + milliseconds{100 * step};
    std::atomic<unsigned> allowed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] { allowed += take_many(limiter, "alice", now, 500); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(allowed, step == 0 ? 200U : 10U) << step;
  }
}

TEST(CustomerRateLimiterTest, ThreadsWithClocksApartNeverTakeMore) {
  CustomerRateLimiter limiter({.requests_per_s = 1000, .burst = 50, .customers_max = 64});
  const auto start = Clock::now();
  std::atomic<int> time_ms{0};
  std::atomic<unsigned> allowed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5000; ++i) {
        const auto now = start + milliseconds{time_ms.fetch_add(i % 8 == 0 ? 1 : 0)};
        allowed += take_many(limiter, "alice", now, 2);
        static_cast<void>(limiter.take("other-" + std::to_string(i % 7 + t), now));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto elapsed_ms = static_cast<unsigned>(time_ms.load());
  EXPECT_LE(allowed, 50 + elapsed_ms);
  EXPECT_GE(allowed, elapsed_ms / 2);
}

TEST(CustomerRateLimiterTest, NewcomersFromManyThreadsGetOneEntryEach) {
  CustomerRateLimiter limiter({.requests_per_s = 1, .burst = 8, .customers_max = 1 << 16});
  const auto now = Clock::now();
  constexpr int kCustomers = 2000;
  std::atomic<unsigned> allowed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kCustomers; ++i) allowed += take_many(limiter, std::to_string(i), now, 4);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(allowed, 8U * kCustomers);
}

TEST(CustomerRateLimiterTest, RefusesOptionsOutOfRange) {
  EXPECT_THROW(CustomerRateLimiter({.requests_per_s = 0}), std::invalid_argument);
  EXPECT_THROW(CustomerRateLimiter({.requests_per_s = 1'000'001}), std::invalid_argument);
  EXPECT_THROW(CustomerRateLimiter({.burst = 0}), std::invalid_argument);
  EXPECT_THROW(CustomerRateLimiter({.burst = 1'000'001}), std::invalid_argument);
  EXPECT_THROW(CustomerRateLimiter({.customers_max = 0}), std::invalid_argument);
  EXPECT_THROW(CustomerRateLimiter({.customers_max = (1U << 26) + 1}), std::invalid_argument);
}

}  // namespace
}  // namespace flashsale::identity
