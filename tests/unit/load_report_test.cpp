#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "load/report_html.hpp"
#include "load/report_json.hpp"
#include "load/report_text.hpp"
#include "load/svg_plot.hpp"

namespace flashsale::load {
namespace {

Answer answer(Outcome outcome, const char* reason = "") {
  return {.outcome = outcome, .reason = reason_of(reason), .order_id = {}, .order_status = {}, .payment_outcome = {}};
}

Answer payment(PaymentOutcome outcome, bool repeated) {
  return {.outcome = Outcome::done,
          .status = 200,
          .order_id = {},
          .order_status = {},
          .payment_outcome = outcome,
          .is_repeated = repeated};
}

Result sample_result() {
  Tally tally;
  for (int i = 1; i <= 1000; ++i)
    tally.count(Kind::fresh, answer(Outcome::created), 1'000'000U * static_cast<unsigned>(i));
  for (int i = 0; i < 50; ++i) tally.count(Kind::fresh, answer(Outcome::accepted), 2'000'000);
  for (int i = 0; i < 9000; ++i) tally.count(Kind::fresh, answer(Outcome::refused, "sold-out"), 100'000);
  for (int i = 0; i < 20; ++i) tally.count(Kind::retry, answer(Outcome::overloaded), 100'000);
  for (int i = 0; i < 7; ++i) tally.count(Kind::greedy, answer(Outcome::timed_out), 5'000'000'000);
  for (int i = 0; i < 3; ++i) tally.count(Kind::pay, payment(PaymentOutcome::confirmed, false), 4'000'000);
  tally.count(Kind::pay, payment(PaymentOutcome::refund_required, true), 4'000'000);
  tally.count_not_sent(Kind::fresh);
  Result result;
  result.options.rate_per_s = 5000;
  result.sale_id = "load-<x>";
  result.load_s = 2;
  result.total = tally.counters;
  result.in_time = tally.counters;
  result.latencies = tally.latencies;
  const Interval interval = tally.take_interval();
  result.seconds = {merge({&interval}), merge({})};
  result.verdict.emplace();
  return result;
}

TEST(LoadReportTest, RefusalsAreNeverThroughput) {
  const Result result = sample_result();
  const auto json = nlohmann::json::parse(report_json(result));
  EXPECT_DOUBLE_EQ(json.at("accepted_per_s").get<double>(), 525);
  EXPECT_DOUBLE_EQ(json.at("committed_per_s").get<double>(), 500);
  EXPECT_DOUBLE_EQ(json.at("refused_per_s").get<double>(), 4500);
  EXPECT_EQ(json.at("checkouts").at("refused_by_reason").at("sold-out"), 9000);
  EXPECT_EQ(json.at("checkouts").at("not_sent"), 1);
  EXPECT_EQ(json.at("latency_us").at("committed").at("count"), 1000);
  EXPECT_NEAR(json.at("latency_us").at("committed").at("p99").get<double>(), 990'000, 9'900);
  EXPECT_EQ(json.at("payments").at("confirmed"), 3);
  EXPECT_EQ(json.at("payments").at("repeated"), 1);
  EXPECT_EQ(json.at("latency_us").at("pay_refund_required").at("count"), 1);
  EXPECT_TRUE(json.at("check").at("passed").get<bool>());
}

std::string with_single_spaces(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' || out.empty() || out.back() != ' ') out += c;
  }
  return out;
}

TEST(LoadReportTest, TheTableHasEveryKindOfEnd) {
  const std::string text = with_single_spaces(report_text(sample_result()));
  for (const char* line : {"accepted (201, 202) 1,050 525.0\n", "committed (201) 1,000 500.0\n",
                           "sold-out 9,000 4500.0\n", "overloaded 20 10.0\n", "timed out 7 3.5\n", "not sent 1 0.5\n",
                           "payments answered 4 2.0\n", "confirmed 3 1.5\n", "refund_required 1 0.5\n",
                           "payments told of again 1 0.5\n", "pay_confirmed 3 4.", "check: PASSED\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(LoadReportTest, ALieIsShownEverywhere) {
  Result result = sample_result();
  result.verdict->findings[static_cast<std::size_t>(Lie::customer_above_limit)] = {3, {"buyer-1 <b>"}};
  EXPECT_NE(report_text(result).find("LIE customer_above_limit: 3 times"), std::string::npos);
  EXPECT_NE(report_text(result).find("check: FAILED"), std::string::npos);
  EXPECT_NE(report_html(result).find("FAILED"), std::string::npos);
  EXPECT_NE(report_html(result).find("buyer-1 &lt;b&gt;"), std::string::npos);
  const auto json = nlohmann::json::parse(report_json(result));
  EXPECT_FALSE(json.at("check").at("passed").get<bool>());
  EXPECT_EQ(json.at("check").at("lies").at("customer_above_limit").at("count"), 3);
}

TEST(LoadReportTest, ThePageStandsAlone) {
  const std::string page = report_html(sample_result());
  for (const char* foreign : {"http://", "https://", "src=", "href=", "<script", "@import", "url("}) {
    EXPECT_EQ(page.find(foreign), std::string::npos) << foreign;
  }
  EXPECT_EQ(page.find("load-<x>"), std::string::npos);
  std::size_t plots = 0;
  for (std::size_t at = page.find("<svg"); at != std::string::npos; at = page.find("<svg", at + 1)) ++plots;
  EXPECT_EQ(plots, 3U);
  EXPECT_EQ(page.find("nan"), std::string::npos);
  EXPECT_EQ(page.find("inf"), std::string::npos);
}

TEST(LoadReportTest, AnEmptyRunHasReportsToo) {
  const Result result;
  EXPECT_NE(report_text(result).find("check: not done"), std::string::npos);
  EXPECT_NE(report_html(result).find("<svg"), std::string::npos);
  EXPECT_TRUE(nlohmann::json::parse(report_json(result)).at("check").is_null());
}

TEST(LoadPlotTest, TicksAreRoundAndReachTheMaximum) {
  for (const double max : {0.003, 1.0, 7.0, 99.0, 1234.0, 5e6}) {
    const auto ticks = round_ticks(max);
    EXPECT_GE(ticks.back(), max);
    EXPECT_LE(ticks.size(), 8U);
    EXPECT_EQ(ticks.front(), 0);
  }
  EXPECT_EQ(round_ticks(0).size(), 2U);
}

}  // namespace
}  // namespace flashsale::load
