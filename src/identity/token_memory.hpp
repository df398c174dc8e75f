#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "check_budget.hpp"
#include "flashsale/identity/token_verifier.hpp"

namespace flashsale::identity {

/// What stands for a token in memory: 128 bits that nobody can aim at, since they are keyed at random.
class TokenHash {
 public:
  /// With a key of its own.
  class Maker {
   public:
    Maker();
    [[nodiscard]] TokenHash operator()(std::string_view token) const;

   private:
    std::array<std::array<std::uint64_t, 2>, 2> keys_{};
  };

  TokenHash() = default;
  bool operator==(const TokenHash&) const = default;
  [[nodiscard]] std::size_t place(std::size_t places) const { return words_[0] % places; }
  [[nodiscard]] const std::array<std::uint64_t, 2>& words() const { return words_; }

 private:
  std::array<std::uint64_t, 2> words_{};
};

/// Seconds since 1970. Doubles, since a NumericDate may have a fraction (RFC 7519 section 2) and need not fit a clock.
struct ValidTime {
  double not_before_s = -std::numeric_limits<double>::infinity();
  double expires_s = 0;
};

/// What tokens say whose public-key signature has been found right: a buyer sends the same one with each request. A
/// fixed number of places, four for each hash; their time is judged at each use. Belongs to one thread.
class KnownTokens {
 public:
  struct Entry {
    TokenHash hash;
    std::string customer_id;
    ValidTime time;
    TokenFailure failure = TokenFailure::none;  ///< for good, apart from the time
  };

  /// 0: remembers none.
  explicit KnownTokens(std::size_t sets) : sets_(sets) {}

  [[nodiscard]] const Entry* find(const TokenHash& hash) const;
  /// In the place of the one that was put there the longest ago.
  const Entry& remember(Entry entry);

 private:
  static constexpr std::size_t kWays = 4;
  struct Set {
    std::array<Entry, kWays> entries;
    std::size_t next = 0;
  };

  std::vector<Set> sets_;
};

/// Tokens by their hashes, in a fixed number of places, four for each. For any thread, without locks. Two threads that
/// write to one place at once may leave half a hash of each there: that is nobody's, and the tokens are checked again.
class TokenSet {
 public:
  explicit TokenSet(std::size_t tokens_max) : sets_((tokens_max + kWays - 1) / kWays) {}

  [[nodiscard]] bool contains(const TokenHash& hash) const;
  void remember(const TokenHash& hash);

 private:
  static constexpr std::size_t kWays = 4;
  struct alignas(64) Set {  // one cache line
    std::array<std::array<std::atomic<std::uint64_t>, 2>, kWays> places{};
  };

  std::vector<Set> sets_;
  std::atomic<std::size_t> next_{0};
};

/// Right or wrong, a signature stays so for as long as the keys are the same, and a check takes 20 to 650 µs. The wrong
/// ones stand apart, so that forged tokens drive none out that is right.
class CheckedTokens {
 public:
  /// Remembers none unless there are public keys.
  CheckedTokens(const TokenOptions& options, unsigned threads);

  const TokenHash::Maker hash_of;
  TokenSet right;
  TokenSet wrong;
  CheckBudget budget;
};

}  // namespace flashsale::identity
