#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

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
    std::array<std::array<std::uint64_t, 2>, 2> keys_;
  };

  TokenHash() = default;
  bool operator==(const TokenHash&) const = default;
  [[nodiscard]] std::size_t place(std::size_t places) const { return words_[0] % places; }

 private:
  std::array<std::uint64_t, 2> words_{};
};

/// Seconds since 1970. Doubles, since a NumericDate may have a fraction (RFC 7519 section 2) and need not fit a clock.
struct ValidTime {
  double not_before_s = -std::numeric_limits<double>::infinity();
  double expires_s = 0;
};

/// Tokens whose public-key signature has been found right: a buyer sends the same one with each request, and a check
/// takes 20 to 650 µs. A fixed number of places, four for each hash; their time is judged at each use.
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

/// Tokens whose signature was wrong, which it stays. Apart from those that are right, so that forged tokens drive none
/// of them out.
class RefusedTokens {
 public:
  explicit RefusedTokens(std::size_t places) : hashes_(places) {}
  [[nodiscard]] bool contains(const TokenHash& hash) const {
    return !hashes_.empty() && hashes_[hash.place(hashes_.size())] == hash;
  }
  void remember(const TokenHash& hash) {
    if (!hashes_.empty()) hashes_[hash.place(hashes_.size())] = hash;
  }

 private:
  std::vector<TokenHash> hashes_;
};

}  // namespace flashsale::identity
