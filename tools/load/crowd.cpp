#include "crowd.hpp"

#include <algorithm>
#include <cmath>

#include "random.hpp"

namespace flashsale::load {
namespace {

constexpr unsigned kStepsASecond = 10;
constexpr double kStepS = 1.0 / kStepsASecond;

/// The numbers of one crowd. Times are in seconds.
struct Crowd {
  double people = 0;      ///< who come by themselves
  double rise_s = 0;      ///< until the rush is there
  double rush_share = 0;  ///< of the people; the others come over a long time
  double rush_decay_s = 0;
  double long_decay_s = 0;
  double wobble = 0;       ///< how much the rate strays from its course
  double wobble_s = 0;     ///< for how long
  double offspring = 0;    ///< others that one arrival brings along, on average
  double offspring_s = 0;  ///< after what time, on average
  double bots = 0;         ///< a share of the people
  double bot_gap_s = 0;    ///< between their bursts
  double burst_s = 0;      ///< a burst takes so long
  double outage_at_s = 0;
  double outage_s = 0;     ///< 0: none
  double coming_back = 0;  ///< a share of those who were cut off
  double back_decay_s = 0;
  double wave_at_s = 0;
  double wave = 0;  ///< a share of the people; 0: none
  double wave_rise_s = 0;
  double even_s = 0;  ///< the people come evenly, all of them in so long; 0: not so
};

class Draw {
 public:
  Draw(std::uint64_t seed, CrowdRange range) : random_(seed), range_(range) {}

  double unit() { return random_.unit(); }
  bool chance(double share) { return unit() < share; }
  /// Evenly between the logarithms. Beyond: from the half of that width that lies below or above.
  double between(double least, double most) {
    const double width = std::log(most / least);
    if (range_ == CrowdRange::usual) return least * std::exp(unit() * width);
    const double out = 0.4 * width * unit();
    return chance(0.5) ? least * std::exp(-out) : most * std::exp(out);
  }
  double normal() { return random_.normal(); }
  double around(double middle, double spread) { return middle * std::exp(spread * normal()); }
  std::uint32_t poisson(double mean);

 private:
  Random random_;
  CrowdRange range_;
};

/// Above 50 by the normal distribution, which is as near as anybody can count.
std::uint32_t Draw::poisson(double mean) {
  if (mean > 50) return static_cast<std::uint32_t>(std::max(0.0, std::round(mean + std::sqrt(mean) * normal())));
  std::uint32_t count = 0;
  for (double left = std::exp(-mean), at = unit(); at > left; at *= unit()) ++count;
  return count;
}

void add_outage(Crowd& crowd, Draw& draw) {
  crowd.outage_at_s = draw.between(4, 90);
  crowd.outage_s = draw.between(5, 40);
  crowd.coming_back = std::min(1.5, draw.between(0.3, 1.2));
  crowd.back_decay_s = draw.between(3, 20);
}

void add_what_is_of_the_shape(Crowd& crowd, CrowdShape shape, Draw& draw) {
  if (shape == CrowdShape::self_exciting) {
    crowd.offspring = std::min(0.95, draw.between(0.3, 0.8));
    crowd.offspring_s = draw.between(2, 12);
  } else if (shape == CrowdShape::bots) {
    crowd.bots = draw.between(0.05, 0.6);
    crowd.bot_gap_s = draw.between(8, 60);
    crowd.burst_s = draw.between(0.5, 3);
  } else if (shape == CrowdShape::outage) {
    add_outage(crowd, draw);
  } else if (shape == CrowdShape::late_wave) {
    crowd.rush_share *= 0.3;
    crowd.wave = draw.between(0.5, 3);
    crowd.wave_at_s = draw.between(20, 150);
    crowd.wave_rise_s = draw.between(3, 25);
  } else if (shape == CrowdShape::even) {
    crowd.even_s = draw.between(120, 900);
    crowd.wobble = draw.between(0.01, 0.12);
    if (draw.chance(0.25)) add_outage(crowd, draw);
  }
}

Crowd draw_crowd(CrowdShape shape, Draw& draw) {
  Crowd crowd;
  crowd.people = draw.between(500, 200'000);
  crowd.rise_s = draw.between(0.3, 4);
  crowd.rush_share = std::min(0.95, draw.between(0.3, 0.9));
  crowd.rush_decay_s = draw.between(4, 40);
  crowd.long_decay_s = draw.between(60, 400);
  crowd.wobble = draw.between(0.05, 0.3);
  crowd.wobble_s = draw.between(3, 20);
  add_what_is_of_the_shape(crowd, shape, draw);
  return crowd;
}

/// The same merchant on another day.
Crowd on_another_day(const Crowd& of, Draw& draw) {
  constexpr double kSpread = 0.25;
  Crowd crowd = of;
  for (double Crowd::*number :
       {&Crowd::rise_s, &Crowd::rush_decay_s, &Crowd::long_decay_s, &Crowd::wobble_s, &Crowd::offspring_s, &Crowd::bots,
        &Crowd::bot_gap_s, &Crowd::burst_s, &Crowd::wave, &Crowd::wave_rise_s}) {
    crowd.*number = draw.around(of.*number, kSpread);
  }
  crowd.rush_share = std::min(0.97, draw.around(of.rush_share, kSpread / 2));
  crowd.offspring = std::min(0.95, draw.around(of.offspring, kSpread / 2));
  if (of.even_s > 0) crowd.even_s = draw.around(of.even_s, kSpread);
  return crowd;
}

/// Nobody rehearses an outage; machines and waves come to some rehearsals only.
Crowd rehearsal_of(const Crowd& sale, Draw& draw) {
  Crowd crowd = on_another_day(sale, draw);
  crowd.people = std::max(100.0, sale.people * draw.around(0.2, 0.7));
  if (draw.chance(0.85)) crowd.outage_s = 0;
  if (draw.chance(0.5)) crowd.bots = 0;
  if (draw.chance(0.5)) crowd.wave = 0;
  crowd.wave_at_s = draw.around(sale.wave_at_s, 0.5);
  crowd.outage_at_s = draw.around(sale.outage_at_s, 0.8);
  return crowd;
}

double people_a_second(const Crowd& crowd, double at_s) {
  if (crowd.even_s > 0) return crowd.people / crowd.even_s;
  const double rush = std::exp(-at_s / crowd.rush_decay_s) / crowd.rush_decay_s;
  const double rest = std::exp(-at_s / crowd.long_decay_s) / crowd.long_decay_s;
  double rate =
      crowd.people * (1 - std::exp(-at_s / crowd.rise_s)) * (crowd.rush_share * rush + (1 - crowd.rush_share) * rest);
  if (crowd.wave > 0 && at_s > crowd.wave_at_s) {
    const double since = (at_s - crowd.wave_at_s) / crowd.wave_rise_s;
    rate += crowd.people * crowd.wave * since * std::exp(-since) / (crowd.wave_rise_s * 3);
  }
  return rate;
}

/// The first burst takes half of them, at the opening; the others share the rest, each smaller than the one before.
double bots_a_second(const Crowd& crowd, double at_s) {
  if (crowd.bots <= 0) return 0;
  const double number = std::floor(at_s / crowd.bot_gap_s);
  if (at_s - number * crowd.bot_gap_s > crowd.burst_s) return 0;
  return crowd.people * crowd.bots * std::pow(0.5, 1 + std::min(number, 6.0)) / crowd.burst_s;
}

class Simulation {
 public:
  Simulation(const Crowd& crowd, Draw& draw) : crowd_(crowd), draw_(draw), wobble_(draw.normal()) {}

  void step(double at_s, std::uint32_t& arrivals, std::uint32_t& bots) {
    const double keep = std::exp(-kStepS / crowd_.wobble_s);
    wobble_ = keep * wobble_ + std::sqrt(1 - keep * keep) * draw_.normal();
    double rate = people_a_second(crowd_, at_s) * std::exp(crowd_.wobble * wobble_) + excited_;
    const bool is_out =
        crowd_.outage_s > 0 && at_s >= crowd_.outage_at_s && at_s < crowd_.outage_at_s + crowd_.outage_s;
    if (is_out) {
      cut_off_ += rate * kStepS;
      rate *= 0.03;
    } else if (cut_off_ > 0) {
      const double back = cut_off_ * (1 - std::exp(-kStepS / crowd_.back_decay_s));
      cut_off_ -= back;
      rate += back * crowd_.coming_back / kStepS;
    }
    const std::uint32_t people = draw_.poisson(rate * kStepS);
    const std::uint32_t machines = draw_.poisson(bots_a_second(crowd_, at_s) * (is_out ? 0.03 : 1) * kStepS);
    arrivals += people + machines;
    bots += machines;
    if (crowd_.offspring > 0) {
      excited_ = excited_ * std::exp(-kStepS / crowd_.offspring_s) + people * crowd_.offspring / crowd_.offspring_s;
    }
  }

 private:
  const Crowd& crowd_;
  Draw& draw_;
  double wobble_;
  double excited_ = 0;  ///< arrivals a second that earlier ones bring along
  double cut_off_ = 0;  ///< people who did not get through and are still to come back
};

CrowdCurve simulate(const Crowd& crowd, Draw& draw, double turnout, unsigned seconds) {
  CrowdCurve curve;
  curve.arrivals.resize(seconds);
  curve.bots.resize(seconds);
  Simulation simulation(crowd, draw);
  for (unsigned step = 0; step < seconds * kStepsASecond; ++step) {
    const unsigned second = step / kStepsASecond;
    simulation.step((step + 0.5) * kStepS, curve.arrivals[second], curve.bots[second]);
  }
  curve.registrations = static_cast<std::uint32_t>(std::max(1.0, draw.around(crowd.people / turnout, 0.3)));
  return curve;
}

}  // namespace

std::optional<CrowdShape> parse_crowd_shape(std::string_view name) {
  const auto found = std::ranges::find(kCrowdShapes, name, &CrowdShapeName::name);
  return found == kCrowdShapes.end() ? std::nullopt : std::optional(found->shape);
}

CrowdPair draw_crowds(CrowdShape shape, CrowdRange range, std::uint64_t seed, unsigned seconds) {
  Draw draw(seed, range);
  const Crowd sale = draw_crowd(shape, draw);
  const Crowd rehearsal = rehearsal_of(sale, draw);
  const double turnout = draw.around(0.3, 0.4);
  CrowdPair pair;
  pair.rehearsal = simulate(rehearsal, draw, turnout, seconds);
  pair.sale = simulate(sale, draw, turnout, seconds);
  return pair;
}

}  // namespace flashsale::load
