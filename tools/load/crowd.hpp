#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace flashsale::load {

/// How a crowd comes to a sale, from its opening on.
enum class CrowdShape : std::uint8_t {
  rush,           ///< most at the opening, then fewer and fewer
  self_exciting,  ///< a rush whose arrivals bring others along (a Hawkes process)
  bots,           ///< a rush with machines that come at the opening and again and again in bursts
  outage,         ///< a rush that is cut off for a while, and a wave that comes back afterwards
  late_wave,      ///< a slow opening, and a wave that somebody sets off at a moment that nobody knew
  even,           ///< as many from the first second on, for minutes; some are cut off for a while
};
struct CrowdShapeName {
  CrowdShape shape;
  std::string_view name;
};
inline constexpr std::array<CrowdShapeName, 6> kCrowdShapes{{{CrowdShape::rush, "rush"},
                                                             {CrowdShape::self_exciting, "self-exciting"},
                                                             {CrowdShape::bots, "bots"},
                                                             {CrowdShape::outage, "outage"},
                                                             {CrowdShape::late_wave, "late-wave"},
                                                             {CrowdShape::even, "even"}}};
[[nodiscard]] std::optional<CrowdShape> parse_crowd_shape(std::string_view name);

/// Where a crowd's numbers are drawn from: `usual`, or beyond it on either side, to see what a forecast does with a
/// crowd that is unlike all that it has learnt from.
enum class CrowdRange : std::uint8_t { usual, beyond };

/// Arrivals by second after the opening. The same seed gives the same curve.
struct CrowdCurve {
  std::vector<std::uint32_t> arrivals;  ///< of people and machines
  std::vector<std::uint32_t> bots;      ///< of which machines
  std::uint32_t registrations = 0;      ///< people who had said that they would come
};

/// A sale and the rehearsal or earlier sale of the same merchant: smaller, of a like shape, with its own accidents.
struct CrowdPair {
  CrowdCurve rehearsal;
  CrowdCurve sale;
};
[[nodiscard]] CrowdPair draw_crowds(CrowdShape shape, CrowdRange range, std::uint64_t seed, unsigned seconds);

}  // namespace flashsale::load
