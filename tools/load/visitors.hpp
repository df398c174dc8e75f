#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "random.hpp"

namespace flashsale::load {

/// What somebody is, as the crowd knows and the server must find out. Bots stand behind people.
enum class VisitorKind : std::uint8_t {
  careful,          ///< sees that it has opened, clicks, may try again by hand
  guessing,         ///< clicks at the moment that the countdown promises
  double_clicking,  ///< a page that lets them
  impatient,        ///< clicks as fast as they can, again and again
  obedient,         ///< a page that tries again as Retry-After says
  at_school,        ///< many behind one address
  on_mobile,        ///< more behind one address
  watching,         ///< waits for units that come back
  instant,          ///< one checkout some milliseconds after the opening
  burst,            ///< many at once
  hammering,        ///< the same again by a timer
  returning,        ///< reacts to units that come back
  rotating,         ///< accounts behind one address, all at the opening
  relay,            ///< accounts behind one address, one after the other
  disguised,        ///< draws its numbers as careful people have them
};
struct VisitorName {
  VisitorKind kind;
  std::string_view name;
};
inline constexpr std::array<VisitorName, 15> kVisitorNames{{{VisitorKind::careful, "careful"},
                                                            {VisitorKind::guessing, "guessing"},
                                                            {VisitorKind::double_clicking, "double-clicking"},
                                                            {VisitorKind::impatient, "impatient"},
                                                            {VisitorKind::obedient, "obedient page"},
                                                            {VisitorKind::at_school, "at school"},
                                                            {VisitorKind::on_mobile, "on mobile"},
                                                            {VisitorKind::watching, "watching"},
                                                            {VisitorKind::instant, "instant"},
                                                            {VisitorKind::burst, "burst"},
                                                            {VisitorKind::hammering, "hammering"},
                                                            {VisitorKind::returning, "returning"},
                                                            {VisitorKind::rotating, "rotating"},
                                                            {VisitorKind::relay, "relay"},
                                                            {VisitorKind::disguised, "disguised"}}};
[[nodiscard]] constexpr bool is_bot(VisitorKind kind) { return kind >= VisitorKind::instant; }
[[nodiscard]] std::string_view to_string(VisitorKind kind);

/// When somebody tries again after a refusal.
enum class Again : std::uint8_t { never, by_hand, by_timer, as_told, on_return };

/// One customer of a sale, drawn before it begins; what they do then depends on the answers.
struct Visitor {
  VisitorKind kind = VisitorKind::careful;
  std::string address;
  double first_s = 0;            ///< after the opening; may be before it
  std::vector<double> volley_s;  ///< further checkouts, so long after the first one of a try
  bool has_one_key = true;       ///< of a volley
  Again again = Again::never;
  double again_s = 0;       ///< by hand: the middle; by timer: the interval; on return: the middle of the reaction
  double again_spread = 0;  ///< of its logarithm
  unsigned tries_max = 1;
};

struct VisitorOptions {
  std::uint32_t people = 2000;
  double bots = 0.1;  ///< a share of the people
  double seconds = 40;
};

/// A crowd of people and, of each kind of bot, about as many. The same seed gives the same.
[[nodiscard]] std::vector<Visitor> draw_visitors(const VisitorOptions& options, std::uint64_t seed);
/// How long somebody takes to try again, where that is theirs to say.
[[nodiscard]] double pause_of(const Visitor& visitor, Random& random);

}  // namespace flashsale::load
