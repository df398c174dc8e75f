#include "flashsale/model/behaviour.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>

namespace flashsale {
namespace {

/// Bursts that two instances have seen at most so far apart were one.
constexpr std::chrono::seconds kOneBurst{1};

enum class Sign : std::uint8_t { burst, rhythm, endurance, opening, returns, company, pace };
constexpr std::size_t kSigns = 7;
/// How certain each sign is by itself, 0 to 1.
using Signs = std::array<double, kSigns>;

struct Point {
  double at;
  double value;
};

/// Straight lines from point to point, level beyond the ends.
double along(std::span<const Point> points, double at) {
  if (at <= points.front().at) return points.front().value;
  for (std::size_t i = 1; i < points.size(); ++i) {
    if (at > points[i].at) continue;
    const auto& from = points[i - 1];
    return from.value + (points[i].value - from.value) * (at - from.at) / (points[i].at - from.at);
  }
  return points.back().value;
}

double share(std::uint32_t part, std::uint32_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// Two are a double click, and a network that stands still for a moment hands over three at once.
double burst_sign(const Behaviour& seen) {
  static constexpr std::array<Point, 6> kPoints{{{2, 0}, {3, 0.1}, {4, 0.25}, {6, 0.5}, {8, 0.65}, {12, 0.8}}};
  return along(kPoints, seen.burst);
}

/// A hand that clicks again and again varies by a tenth and more; a timer by what the network adds.
double rhythm_sign(const Behaviour& seen) {
  static constexpr std::array<Point, 2> kByVariation{{{0.04, 0.6}, {0.14, 0}}};
  static constexpr std::array<Point, 2> kByCount{{{4, 0}, {12, 1}}};
  return along(kByVariation, seen.rhythm.variation()) * along(kByCount, seen.rhythm.count);
}

/// People tire of clicking.
double endurance_sign(const Behaviour& seen) {
  static constexpr std::array<Point, 3> kPoints{{{40, 0}, {200, 0.4}, {600, 0.6}}};
  return along(kPoints, seen.rhythm.count);
}

/// People can guess the moment, too, which is rare; so it is not certain by itself.
double opening_sign(const Behaviour& seen) {
  static constexpr std::array<Point, 2> kPoints{{{100, 0.5}, {150, 0}}};
  return seen.opening_ms ? along(kPoints, *seen.opening_ms) : 0;
}

/// Who looks in by chance meets one such moment, but not most of them.
double returns_sign(const Behaviour& seen) {
  static constexpr std::array<Point, 4> kByCount{{{0, 0}, {1, 0.15}, {2, 0.5}, {4, 0.8}}};
  return along(kByCount, seen.fast_returns) * std::min(1.0, 2 * share(seen.fast_returns, seen.returns));
}

/// A school's pupils do not all have the reactions of machines. Only for whom that is said of, too.
double company_sign(const Behaviour& seen) {
  static constexpr std::array<Point, 3> kByCount{{{2, 0}, {4, 0.5}, {10, 0.7}}};
  if (!seen.opening_ms || *seen.opening_ms >= kReactionMin.count()) return 0;
  return along(kByCount, seen.fast_neighbours) *
         std::clamp(4 * share(seen.fast_neighbours, seen.neighbours) - 1, 0.0, 1.0);
}

/// People come by chance, however many stand behind one address: the gaps vary as much as they last. Accounts that take
/// turns come one after the other.
double pace_sign(const Behaviour& seen) {
  static constexpr std::array<Point, 2> kByVariation{{{0.25, 0.65}, {0.5, 0}}};
  static constexpr std::array<Point, 2> kByCount{{{8, 0}, {24, 1}}};
  return along(kByVariation, seen.newcomers.variation()) * along(kByCount, seen.newcomers.count);
}

Signs signs_of(const Behaviour& seen) {
  return {burst_sign(seen),   rhythm_sign(seen),  endurance_sign(seen), opening_sign(seen),
          returns_sign(seen), company_sign(seen), pace_sign(seen)};
}

std::string percent(double part) { return std::to_string(std::lround(100 * part)) + " %"; }

std::string in_words(Sign sign, const Behaviour& seen) {
  const auto number = [](std::uint32_t value) { return std::to_string(value); };
  switch (sign) {
    case Sign::burst: return number(seen.burst) + " checkouts within " + number(std::max(1U, seen.burst_ms)) + " ms";
    case Sign::rhythm:
      return number(seen.rhythm.count) + " repetitions " + std::to_string(std::lround(seen.rhythm.mean)) +
             " ms apart, as even as by a clock (variation " + percent(seen.rhythm.variation()) + ")";
    case Sign::endurance: return number(seen.rhythm.count) + " repetitions within less than a second each";
    case Sign::opening: return "a checkout " + number(*seen.opening_ms) + " ms after the opening";
    case Sign::returns:
      return number(seen.fast_returns) + " of " + number(seen.returns) + " returns of units answered within " +
             std::to_string(kReactionMin.count()) + " ms";
    case Sign::company:
      return number(seen.fast_neighbours) + " of " + number(seen.neighbours) +
             " customers at this address came within " + std::to_string(kReactionMin.count()) + " ms of the opening";
    case Sign::pace: break;
  }
  return number(seen.newcomers.count + 1) + " customers at this address came one by one, " +
         std::to_string(std::lround(seen.newcomers.mean)) + " ms apart (variation " +
         percent(seen.newcomers.variation()) + ")";
}

}  // namespace

void Spread::add(double value) {
  ++count;
  const double before = value - mean;
  mean += before / count;
  squares += before * (value - mean);
}

void Spread::add(const Spread& other) {
  if (other.count == 0) return;
  const double both = static_cast<double>(count) + other.count;
  const double apart = other.mean - mean;
  squares += other.squares + apart * apart * count * other.count / both;
  mean += apart * other.count / both;
  count += other.count;
}

double Spread::variation() const {
  return count < 2 || mean <= 0 ? 0 : std::sqrt(std::max(0.0, squares) / (count - 1)) / mean;
}

void Behaviour::add(const Behaviour& other) {
  checkouts += other.checkouts;
  if (burst > 0 && other.burst > 0 && std::chrono::abs(burst_at - other.burst_at) <= kOneBurst) {
    burst += other.burst;
    burst_ms = std::max(burst_ms, other.burst_ms);
  } else if (other.burst > burst) {
    burst = other.burst;
    burst_ms = other.burst_ms;
    burst_at = other.burst_at;
  }
  rhythm.add(other.rhythm);
  if (other.opening_ms) opening_ms = std::min(opening_ms.value_or(*other.opening_ms), *other.opening_ms);
  returns += other.returns;
  fast_returns += other.fast_returns;
  neighbours += other.neighbours;
  fast_neighbours += other.fast_neighbours;
  // Halves of one line are as uneven as by chance: what one instance alone has seen says more.
  if (other.newcomers.count > newcomers.count) newcomers = other.newcomers;
}

BehaviourBand behaviour_band(int score) {
  const auto* const above = std::ranges::upper_bound(kBandsFrom, score);
  return static_cast<BehaviourBand>(above - kBandsFrom.begin());
}

std::string_view to_string(BehaviourBand band) { return kBehaviourBands[static_cast<std::size_t>(band)]; }

int behaviour_score(const Behaviour& behaviour) {
  double doubt = 1;
  for (const double sign : signs_of(behaviour)) doubt *= 1 - sign;
  return static_cast<int>(std::lround(100 * (1 - doubt)));
}

std::vector<std::string> behaviour_reasons(const Behaviour& behaviour) {
  constexpr double kWorthWords = 0.05;
  const Signs signs = signs_of(behaviour);
  std::array<std::size_t, kSigns> order{};
  for (std::size_t i = 0; i < kSigns; ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return signs[a] > signs[b]; });
  std::vector<std::string> reasons;
  for (const auto sign : order) {
    if (signs[sign] >= kWorthWords) reasons.push_back(in_words(static_cast<Sign>(sign), behaviour));
  }
  return reasons;
}

}  // namespace flashsale
