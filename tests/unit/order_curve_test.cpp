#include "flashsale/postgres/order_curve.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace flashsale::postgres {
namespace {

using std::chrono::seconds;

constexpr std::size_t kPoints = 600;

TimePoint at(double unix_s) { return from_unix_us(static_cast<std::int64_t>(unix_s * 1e6)); }

TEST(OrderCurve, AShortSaleIsSeenBySeconds) {
  EXPECT_EQ(choose_step(at(1000), at(1000), kPoints), seconds(1));
  EXPECT_EQ(choose_step(at(1000.2), at(1599.9), kPoints), seconds(1));
  EXPECT_EQ(choose_step(at(1000.2), at(1600), kPoints), seconds(2));
}

TEST(OrderCurve, NoMorePointsThanAskedForWhateverTheLength) {
  for (double length_s = 1; length_s < 2e9; length_s *= 1.37) {
    const double first_s = 86'399.999;
    const auto step = choose_step(at(first_s), at(first_s + length_s), kPoints);
    const auto begin_of_step = [&](double unix_s) {
      const auto length = static_cast<double>(step.count());
      return at(std::floor(unix_s / length) * length);
    };
    const auto points =
        with_empty_steps({{begin_of_step(first_s), 1, 1}, {begin_of_step(first_s + length_s), 1, 1}}, step);
    EXPECT_LE(points.size(), kPoints) << length_s;
    EXPECT_TRUE(step == seconds(1) || points.size() > kPoints / 7) << length_s << ": " << points.size();
  }
}

TEST(OrderCurve, StepsWithoutOrdersAreThere) {
  const std::vector<CurvePoint> sparse{{at(10), 3, 4}, {at(20), 1, 1}, {at(25), 2, 2}};
  const std::vector<CurvePoint> whole{{at(10), 3, 4}, {at(15), 0, 0}, {at(20), 1, 1}, {at(25), 2, 2}};
  EXPECT_EQ(with_empty_steps(sparse, seconds(5)), whole);
  EXPECT_TRUE(with_empty_steps({}, seconds(5)).empty());
}

}  // namespace
}  // namespace flashsale::postgres
