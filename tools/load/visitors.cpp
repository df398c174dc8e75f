#include "visitors.hpp"

#include <algorithm>
#include <cmath>

namespace flashsale::load {
namespace {

constexpr unsigned kAccountsBehindOne = 30;
constexpr unsigned kPupils = 150;
constexpr unsigned kMobileAddresses = 6;

std::string address_of(unsigned first, std::uint32_t number) {
  return std::to_string(first) + '.' + std::to_string((number >> 16U) & 255U) + '.' +
         std::to_string((number >> 8U) & 255U) + '.' + std::to_string(number & 255U);
}

double log_normal(Random& random, double middle, double spread) { return middle * std::exp(spread * random.normal()); }
double between(Random& random, double least, double most) { return least + (most - least) * random.unit(); }
/// From a screen that changes to a request that arrives: eye, hand, network.
double reaction(Random& random) { return 0.15 + log_normal(random, 0.9, 0.6) + log_normal(random, 0.04, 0.5); }

class Drawing {
 public:
  Drawing(const VisitorOptions& options, std::uint64_t seed) : options_(options), random_(seed) {}

  std::vector<Visitor> draw() {
    for (std::uint32_t i = 0; i < options_.people; ++i) add_person(i);
    const auto bots = static_cast<std::uint32_t>(std::lround(options_.bots * options_.people));
    const std::array kinds{VisitorKind::instant,  VisitorKind::burst, VisitorKind::hammering, VisitorKind::returning,
                           VisitorKind::rotating, VisitorKind::relay, VisitorKind::disguised};
    for (std::uint32_t i = 0; i < bots; ++i)
      add_bot(kinds[i % kinds.size()], static_cast<std::uint32_t>(i / kinds.size()), i);
    return std::move(visitors_);
  }

 private:
  /// Three of five wait for the opening; the others come by and by.
  double first_of_people() {
    return random_.unit() < 0.6 ? reaction(random_) : -std::log(1 - random_.unit()) * options_.seconds / 3;
  }

  void retry_by_hand(Visitor& visitor) {
    if (random_.unit() > 0.6) return;
    visitor.again = Again::by_hand;
    visitor.again_s = between(random_, 1.2, 3);
    visitor.again_spread = 0.6;
    visitor.tries_max = 2 + random_.below(5);
  }

  void add_person(std::uint32_t number) {
    static constexpr std::array<std::pair<VisitorKind, double>, 7> kShares{{{VisitorKind::guessing, 0.04},
                                                                            {VisitorKind::double_clicking, 0.08},
                                                                            {VisitorKind::impatient, 0.05},
                                                                            {VisitorKind::obedient, 0.1},
                                                                            {VisitorKind::at_school, 0.15},
                                                                            {VisitorKind::on_mobile, 0.15},
                                                                            {VisitorKind::watching, 0.08}}};
    Visitor visitor;
    double place = random_.unit();
    for (const auto& [kind, share] : kShares) {
      if ((place -= share) >= 0) continue;
      visitor.kind = kind;
      break;
    }
    visitor.address = address_of(10, number);
    visitor.first_s = first_of_people();
    retry_by_hand(visitor);
    set_what_is_of_people(visitor, number);
    visitors_.push_back(std::move(visitor));
  }

  void set_what_is_of_people(Visitor& visitor, std::uint32_t number) {
    switch (visitor.kind) {
      case VisitorKind::guessing:
        visitor.first_s = 0.15 * random_.normal() + log_normal(random_, 0.04, 0.5);
        visitor.again = Again::by_hand;
        visitor.again_s = 0.6;
        visitor.again_spread = 0.4;
        visitor.tries_max = 4;
        break;
      case VisitorKind::double_clicking: visitor.volley_s = {between(random_, 0.07, 0.2)}; break;
      case VisitorKind::impatient:
        for (unsigned clicks = 3 + random_.below(10), i = 0; i < clicks; ++i) {
          const double before = visitor.volley_s.empty() ? 0 : visitor.volley_s.back();
          visitor.volley_s.push_back(before + std::max(0.075, log_normal(random_, 0.18, 0.25)));
        }
        visitor.tries_max = std::max(visitor.tries_max, 2U);
        break;
      case VisitorKind::obedient:
        visitor.again = Again::as_told;
        visitor.tries_max = 12;
        break;
      case VisitorKind::at_school: visitor.address = address_of(11, number / kPupils); break;
      case VisitorKind::on_mobile: visitor.address = address_of(12, number % kMobileAddresses); break;
      case VisitorKind::watching:
        visitor.again = Again::on_return;
        visitor.again_s = 0.9;
        visitor.again_spread = 0.5;
        visitor.tries_max = 20;
        break;
      default: break;
    }
  }

  /// `number` among those of its kind.
  void add_bot(VisitorKind kind, std::uint32_t number, std::uint32_t bot) {
    Visitor visitor;
    visitor.kind = kind;
    visitor.address = address_of(20, bot);
    visitor.first_s = between(random_, 0.002, 0.05);
    visitor.has_one_key = false;
    switch (kind) {
      case VisitorKind::burst:
        visitor.first_s = random_.unit() < 0.5 ? visitor.first_s : between(random_, 1, options_.seconds / 2);
        for (unsigned more = 7 + random_.below(20), i = 1; i <= more; ++i) {
          visitor.volley_s.push_back(i * between(random_, 0.001, 0.02));
        }
        std::ranges::sort(visitor.volley_s);
        break;
      case VisitorKind::hammering:
        visitor.first_s = between(random_, 0.2, 3);
        visitor.again = Again::by_timer;
        visitor.again_s = between(random_, 0.12, 0.6);
        visitor.again_spread = 0.02;
        visitor.tries_max = 100;
        break;
      case VisitorKind::returning:
        visitor.first_s = between(random_, 0.3, 2);
        visitor.again = Again::on_return;
        visitor.again_s = 0.01;
        visitor.again_spread = 0.3;
        visitor.tries_max = 20;
        break;
      case VisitorKind::rotating: visitor.address = address_of(21, number / kAccountsBehindOne); break;
      case VisitorKind::relay:
        visitor.address = address_of(22, number / kAccountsBehindOne);
        visitor.first_s = 3 + (number % kAccountsBehindOne) * 0.12 * (1 + 0.05 * random_.normal());
        break;
      case VisitorKind::disguised:
        visitor.first_s = first_of_people();
        retry_by_hand(visitor);
        break;
      default: break;
    }
    visitors_.push_back(std::move(visitor));
  }

  VisitorOptions options_;
  Random random_;
  std::vector<Visitor> visitors_;
};

}  // namespace

std::string_view to_string(VisitorKind kind) { return kVisitorNames[static_cast<std::size_t>(kind)].name; }

std::vector<Visitor> draw_visitors(const VisitorOptions& options, std::uint64_t seed) {
  return Drawing(options, seed).draw();
}

double pause_of(const Visitor& visitor, Random& random) {
  switch (visitor.again) {
    case Again::by_hand: return 0.3 + log_normal(random, visitor.again_s, visitor.again_spread);
    case Again::by_timer: return std::max(0.01, visitor.again_s * (1 + visitor.again_spread * random.normal()));
    case Again::on_return: return log_normal(random, visitor.again_s, visitor.again_spread);
    case Again::never:
    case Again::as_told: break;
  }
  return 0;
}

}  // namespace flashsale::load
