#include "catalog/pulse_schedule.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "pulse_sale.hpp"

namespace flashsale::catalog {
namespace {

using namespace std::chrono_literals;

struct Case {
  const char* name;
  std::function<void(Sale&)> define;
  std::function<void(SaleSnapshot&)> show;
  bool is_quiet;
};

void as_it_is(Sale&) {}
void nothing(SaleSnapshot&) {}
void closed(Sale& sale) { sale.state = SaleState::closed; }
void over(Sale& sale) { sale.ends_at = kReading - 1s; }
void long_over(Sale& sale) { sale.ends_at = kReading - 11min; }
void far_away(Sale& sale) { sale.starts_at = kReading + 30min; }
void near(Sale& sale) { sale.starts_at = kReading + 9min; }
void with_orders(SaleSnapshot& last) { last.order_records = 1; }

const Case kCases[] = {
    {"Open", as_it_is, nothing, false},
    {"Paused", [](auto& sale) { sale.state = SaleState::paused; }, nothing, false},
    {"FarFromItsStart", far_away, nothing, true},
    {"NearItsStart", near, nothing, false},
    {"OpenedByHandFarFromItsStart",
     [](auto& sale) {
       far_away(sale);
       sale.state = SaleState::open;
     },
     nothing, false},
    {"Closed", closed, nothing, true},
    {"OverByTheClock", over, nothing, true},
    {"OverAMomentAgoWithOrders", over, with_orders, false},
    {"LongOverWithOrders", long_over, with_orders, true},
    {"ClosedBeforeItsEndWithOrders", closed, with_orders, false},
    {"ADraft", [](auto& sale) { sale.is_draft = true; }, nothing, true},
    {"ADraftWithOrders", [](auto& sale) { sale.is_draft = true; }, with_orders, false},
    {"ClosedWithOrdersThatAreNotWritten", long_over, [](auto& last) { last.log_entries = 1; }, false},
    {"ClosedAndNotServed", closed, [](auto& last) { last.serving = false; }, false},
};

class QuietSaleTest : public ::testing::TestWithParam<Case> {};

TEST_P(QuietSaleTest, IsAskedAboutLessOften) {
  auto definition = open_sale(1);
  GetParam().define(definition);
  auto last = served(definition);
  GetParam().show(last);
  EXPECT_EQ(is_quiet(last, kReading), GetParam().is_quiet);
}

INSTANTIATE_TEST_SUITE_P(Sales, QuietSaleTest, ::testing::ValuesIn(kCases),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace flashsale::catalog
