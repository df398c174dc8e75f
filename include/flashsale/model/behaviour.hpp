#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/time.hpp"

/// How unlike people one customer's checkouts in one sale are. It says what was seen and nothing of why: it refuses
/// nobody, and no part of the server asks it before it sells (docs/behaviour.md).
namespace flashsale {

/// Gaps between checkouts up to this are no hand's: the fastest fingers take some 70 ms from click to click.
inline constexpr std::chrono::milliseconds kHandGapMin{60};
/// The least that a client is ever told to wait is a second (Retry-After). So whoever does as told, by hand or by a
/// timer, has no gap below this, and the rhythm of the gaps above it says nothing.
inline constexpr std::chrono::milliseconds kRetryGapMin{900};
/// No eye and hand are faster than 150 ms, and the answer has to travel, too. What comes sooner was begun before.
inline constexpr std::chrono::milliseconds kReactionMin{100};

/// Mean and spread of numbers that come one by one, or by parts (Welford; Chan, Golub and LeVeque, 1979).
struct Spread {
  std::uint32_t count = 0;
  double mean = 0;
  double squares = 0;  ///< sum of the squared distances from the mean

  void add(double value);
  void add(const Spread& other);
  /// Standard deviation over mean: 0 of a clock, 1 of what comes by chance (Poisson). 0 when there is nothing.
  [[nodiscard]] double variation() const;
  bool operator==(const Spread&) const = default;
};

/// Of one customer in one sale, in numbers that several instances can put together. Nothing of what was bought.
struct Behaviour {
  std::uint32_t checkouts = 0;
  /// The most checkouts in a row of which each came within kHandGapMin of the one before.
  std::uint32_t burst = 0;
  std::uint32_t burst_ms = 0;
  TimePoint burst_at{};
  Spread rhythm;  ///< gaps in ms, longer than a burst's and shorter than kRetryGapMin
  /// First checkout after the sale had opened by the clock, if none came in the second before.
  std::optional<std::uint32_t> opening_ms;
  std::uint32_t returns = 0;       ///< times that units came back, and a checkout followed in the same way
  std::uint32_t fast_returns = 0;  ///< of these within kReactionMin
  // Of all customers whose first checkout in this sale came from this address (IPv6: /64), this one included.
  std::uint32_t neighbours = 0;
  std::uint32_t fast_neighbours = 0;  ///< whose opening_ms was below kReactionMin
  Spread newcomers;                   ///< gaps in ms from one's first checkout to the next one's

  /// What another instance has seen.
  void add(const Behaviour& other);
  bool operator==(const Behaviour&) const = default;
};

enum class BehaviourBand : std::uint8_t { low, some, high, very_high };
inline constexpr std::array<std::string_view, 4> kBehaviourBands{"low", "some", "high", "very_high"};
/// Scores from here on are called unlike people.
inline constexpr int kUnlikePeople = 50;
/// The least score of each band but the first.
inline constexpr std::array<int, 3> kBandsFrom{25, kUnlikePeople, 75};
[[nodiscard]] BehaviourBand behaviour_band(int score);
[[nodiscard]] std::string_view to_string(BehaviourBand band);

/// 0, as people are, to 100. Each sign is a share of certainty by itself; together they are as certain as independent
/// witnesses. Never lower for one sign more.
[[nodiscard]] int behaviour_score(const Behaviour& behaviour);
/// What the score comes from, in plain words, what counts most first. Empty when there is nothing.
[[nodiscard]] std::vector<std::string> behaviour_reasons(const Behaviour& behaviour);

}  // namespace flashsale
