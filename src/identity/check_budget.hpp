#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace flashsale::identity {

/// How much time signatures may take that turn out to be wrong. Those that are right cost nothing: a crowd that comes
/// with new tokens is let in, behind one address, too. For any thread, without locks.
///
/// Each address has a share of its own, so whoever forges uses up their own alone. All addresses together have one as
/// well; once that is used up, only those are checked that have sent nothing wrong lately, and those up to
/// `kMostOfAll` times it. To "lately" counts what the rest of an IPv6 /48 has sent, of which one customer may have all
/// 65,536 networks.
///
/// The table has a fixed size. When more addresses than fit have forged, the one is forgotten whose debt is the
/// smallest, which only ever lets somebody through. Two addresses whose hashes agree in 24 bits within one set of eight
/// share a budget, one pair in 2^37; nobody can aim at another's place, since the hash is keyed at random.
class CheckBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr double kMostOfAll = 4;
  static constexpr std::chrono::seconds kLately{10};

  struct Options {
    double share_of_address = 0.02;  ///< of one thread's time; 1: any
    double share_of_all = 0.05;      ///< of the time of all threads; 1: any
    unsigned threads = 1;
    std::size_t addresses_max = 65'536;  ///< rounded up to a power of two, at least 8
  };
  /// Hashes of who has sent a token.
  struct Sender {
    std::uint64_t network = 0;
    std::uint64_t neighbours = 0;
  };

  explicit CheckBudget(const Options& options);

  [[nodiscard]] Sender sender(std::string_view address) const;
  /// Whether a token of which nothing is known may be checked.
  [[nodiscard]] bool is_left(const Sender& sender, Time now) const;
  /// For a signature that was wrong.
  void charge(const Sender& sender, Time now, std::chrono::nanoseconds work);

 private:
  /// What everybody shares.
  struct Common {
    double share;
    std::int64_t rest_ns;  ///< this far ahead it may be used up, after a pause
    std::atomic<std::int64_t> used_until_ns{0};
  };
  static constexpr std::size_t kWays = 8;
  struct alignas(64) Set {  // one cache line
    /// 24 bits of the hash, and 40 of the tick until which the share is used up.
    std::array<std::atomic<std::uint64_t>, kWays> slots{};
  };

  [[nodiscard]] bool is_unbounded() const { return options_.share_of_all >= 1 || options_.share_of_address >= 1; }
  [[nodiscard]] std::int64_t since_start_ns(Time now) const;
  [[nodiscard]] std::uint64_t used_until(std::uint64_t hash) const;
  void use(std::uint64_t hash, std::uint64_t now_ticks, std::uint64_t ticks);
  static void use(Common& common, std::int64_t now_ns, std::int64_t work_ns);

  Options options_;
  std::array<std::uint64_t, 2> hash_key_;
  Time start_;
  Common all_;
  Common most_;
  std::vector<Set> sets_;
};

}  // namespace flashsale::identity
