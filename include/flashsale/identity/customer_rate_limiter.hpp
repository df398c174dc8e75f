#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace flashsale::identity {

/// Requests a second for each customer by the generic cell rate algorithm (GCRA): 64 bits a customer in a table of
/// fixed size shared by all threads without locks. When more customers than fit are active, the one that has been
/// quiet for longest is forgotten, which only ever lets somebody through. Customers whose hashes agree in 24 bits
/// within one set of eight share a limit, about one pair in two million; nobody can aim at another's place, since
/// the hash is keyed at random for each process. Monotonic time; any thread.
class CustomerRateLimiter {
 public:
  struct Options {
    std::uint32_t requests_per_s = 100;     ///< 1 to 1,000,000
    std::uint32_t burst = 200;              ///< 1 to 1,000,000
    std::uint32_t customers_max = 262'144;  ///< 1 to 2^26; rounded up to a power of two, at least 8
  };
  struct Decision {
    bool allowed = true;
    std::uint32_t remaining = 0;      ///< requests that could follow at once
    std::uint32_t retry_after_s = 0;  ///< at least 1 when refused
    std::uint32_t reset_s = 0;        ///< until the full burst is there again
  };

  /// Throws std::invalid_argument for options out of range; start-up only.
  explicit CustomerRateLimiter(const Options& options);
  /// Counts one request unless it is refused. Never blocks.
  [[nodiscard]] Decision take(std::string_view customer_id, std::chrono::steady_clock::time_point now);
  [[nodiscard]] const Options& options() const { return options_; }

 private:
  static constexpr std::size_t kWays = 8;
  struct alignas(64) Set {  // one cache line
    std::array<std::atomic<std::uint64_t>, kWays> slots{};
  };
  struct Place {
    std::atomic<std::uint64_t>* slot = nullptr;
    std::uint64_t seen = 0;  ///< what stood there
    bool is_own = false;     ///< the customer's own entry, else the one to be replaced
  };

  [[nodiscard]] std::uint64_t ticks(std::chrono::steady_clock::time_point now) const;
  [[nodiscard]] std::uint64_t ahead(std::uint64_t entry, std::uint64_t now_ticks) const;
  [[nodiscard]] Place find_place(Set& set, std::uint64_t tag, std::uint64_t now_ticks) const;
  [[nodiscard]] Decision decide(bool allowed, std::uint64_t ahead_ticks) const;

  Options options_;
  std::array<std::uint64_t, 2> hash_key_;
  std::uint64_t burst_ticks_;
  std::uint64_t ahead_ticks_max_;
  std::chrono::steady_clock::time_point start_;
  std::vector<Set> sets_;
};

}  // namespace flashsale::identity
