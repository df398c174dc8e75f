#include "load/crowd.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <sstream>

#include "load/curves.hpp"

namespace flashsale::load {
namespace {

constexpr unsigned kSeconds = 300;

std::uint64_t sum(const std::vector<std::uint32_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

TEST(LoadCrowdTest, TheSameSeedGivesTheSameCrowd) {
  for (const auto& [shape, name] : kCrowdShapes) {
    const auto first = draw_crowds(shape, CrowdRange::usual, 7, kSeconds);
    EXPECT_EQ(first.sale.arrivals, draw_crowds(shape, CrowdRange::usual, 7, kSeconds).sale.arrivals) << name;
    EXPECT_NE(first.sale.arrivals, draw_crowds(shape, CrowdRange::usual, 8, kSeconds).sale.arrivals) << name;
    EXPECT_EQ(first.sale.arrivals.size(), kSeconds);
    EXPECT_EQ(parse_crowd_shape(name), shape);
  }
  EXPECT_FALSE(parse_crowd_shape("panic"));
}

TEST(LoadCrowdTest, MostComeEarlyExceptInALateWave) {
  std::uint64_t early = 0, all = 0, early_of_wave = 0, all_of_wave = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto rush = draw_crowds(CrowdShape::rush, CrowdRange::usual, seed, kSeconds).sale.arrivals;
    const auto wave = draw_crowds(CrowdShape::late_wave, CrowdRange::usual, seed, kSeconds).sale.arrivals;
    early += std::accumulate(rush.begin(), rush.begin() + 60, std::uint64_t{0});
    early_of_wave += std::accumulate(wave.begin(), wave.begin() + 60, std::uint64_t{0});
    all += sum(rush), all_of_wave += sum(wave);
  }
  EXPECT_GT(static_cast<double>(early), 0.5 * static_cast<double>(all));
  EXPECT_LT(static_cast<double>(early_of_wave), 0.5 * static_cast<double>(all_of_wave));
}

TEST(LoadCrowdTest, AnEvenCrowdComesFromTheFirstSecondAndDoesNotEbb) {
  int cut_off = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto counts = draw_crowds(CrowdShape::even, CrowdRange::usual, seed, kSeconds).sale.arrivals;
    const auto part = [&](unsigned from, unsigned to) {
      return static_cast<double>(std::accumulate(counts.begin() + from, counts.begin() + to, std::uint64_t{0})) /
             (to - from);
    };
    const double all = part(0, kSeconds);
    // Many enough to tell it from counting.
    if (all < 20) continue;
    const double least = *std::ranges::min_element(counts);
    if (least < 0.2 * all) {
      ++cut_off;
      continue;
    }
    EXPECT_NEAR(part(0, 3) / all, 1, 0.6) << seed;
    EXPECT_NEAR(part(0, 100) / all, 1, 0.25) << seed;
    EXPECT_NEAR(part(200, kSeconds) / all, 1, 0.25) << seed;
  }
  EXPECT_GT(cut_off, 0);
  EXPECT_LT(cut_off, 20);
}

TEST(LoadCrowdTest, MachinesAreCountedAmongThoseWhoCome) {
  for (const auto& [shape, name] : kCrowdShapes) {
    const auto crowd = draw_crowds(shape, CrowdRange::beyond, 3, kSeconds).sale;
    EXPECT_EQ(sum(crowd.bots) > 0, shape == CrowdShape::bots) << name;
    for (unsigned second = 0; second < kSeconds; ++second) EXPECT_LE(crowd.bots[second], crowd.arrivals[second]);
  }
}

TEST(LoadCrowdTest, AnOutageIsFollowedByAWave) {
  int seen = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto counts = draw_crowds(CrowdShape::outage, CrowdRange::usual, seed, kSeconds).sale.arrivals;
    // Somewhere the next three seconds bring ten times what the three before have brought.
    for (unsigned at = 3; at + 3 < 150 && counts[3] > 50; ++at) {
      const auto before = std::accumulate(counts.begin() + at - 3, counts.begin() + at, 1U);
      const auto after = std::accumulate(counts.begin() + at, counts.begin() + at + 3, 0U);
      if (after < 10 * before) continue;
      ++seen;
      break;
    }
  }
  EXPECT_GT(seen, 10);
}

TEST(LoadCurvesTest, WritesARehearsalAndASaleInRows) {
  std::ostringstream out;
  EXPECT_EQ(write_curves({"--sales", "2", "--shape", "bots", "--seconds", "5"}, out), "");
  const std::string text = out.str();
  EXPECT_EQ(text.substr(0, text.find('\n')), "sale,shape,kind,registrations,bots,s0,s1,s2,s3,s4");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5);
  EXPECT_NE(text.find("\n0,bots,rehearsal,"), std::string::npos);
  EXPECT_NE(text.find("\n1,bots,sale,"), std::string::npos);
  std::ostringstream again;
  EXPECT_EQ(write_curves({"--sales", "2", "--shape", "bots", "--seconds", "5"}, again), "");
  EXPECT_EQ(text, again.str());
}

TEST(LoadCurvesTest, SaysWhatIsWrongWithItsArguments) {
  std::ostringstream out;
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{{"--sales"},
                                                                                         {"--sales", "0"},
                                                                                         {"--sales", "x"},
                                                                                         {"--shape", "panic"},
                                                                                         {"--range", "far"},
                                                                                         {"--seconds", "3601"},
                                                                                         {"--rate", "5"}}) {
    EXPECT_NE(write_curves(arguments, out), "") << arguments.front();
  }
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace flashsale::load
