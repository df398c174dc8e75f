#include "flashsale/telemetry/log.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "flashsale/model/time.hpp"

namespace flashsale::telemetry {
namespace {

using Json = nlohmann::json;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// What `write` logs, as lines.
template <class Write>
std::vector<std::string> logged(const LogOptions& options, Write&& write) {
  testing::internal::CaptureStderr();
  start_log(options);
  write();
  shutdown_log();
  return lines_of(testing::internal::GetCapturedStderr());
}

/// A JSON line with `value` as a field; parsing it fails the test when it is not valid JSON.
template <class Value>
Json logged_field(const Value& value) {
  const auto lines = logged({}, [&] { log_info("m", {{"value", value}}); });
  EXPECT_EQ(lines.size(), 1U);
  return lines.empty() ? Json() : Json::parse(lines.front()).at("value");
}

TEST(LogTest, WritesOneObjectALine) {
  const auto lines = logged({}, [] {
    log_info("order written", {{"order", "abc"}, {"count", 3}, {"seconds", 0.25}, {"late", false}});
    log_warn("second");
    log_error("third");
  });
  ASSERT_EQ(lines.size(), 3U);
  const Json first = Json::parse(lines[0]);
  EXPECT_EQ(first.at("level"), "info");
  EXPECT_EQ(first.at("message"), "order written");
  EXPECT_EQ(first.at("order"), "abc");
  EXPECT_EQ(first.at("count"), 3);
  EXPECT_EQ(first.at("seconds"), 0.25);
  EXPECT_EQ(first.at("late"), false);
  EXPECT_EQ(Json::parse(lines[1]).at("level"), "warn");
  EXPECT_EQ(Json::parse(lines[2]).at("level"), "error");

  const std::string time = first.at("time");
  ASSERT_EQ(time.size(), std::string_view("2026-01-02T03:04:05.000Z").size());
  const auto moment = parse_rfc3339(time);
  ASSERT_TRUE(moment) << time;
  EXPECT_LT(std::chrono::abs(std::chrono::system_clock::now() - *moment), std::chrono::minutes{1});
}

TEST(LogTest, ValuesCannotForgeALine) {
  const std::string hostile = "a\"},\n{\"level\":\"error\"\r\t\\ \x01\x1f\x7f" + std::string(1, '\0');
  EXPECT_EQ(logged_field(hostile), hostile);
  const auto lines = logged({}, [&] { log_info(hostile, {{hostile, 1}}); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(Json::parse(lines[0]).at("message"), hostile);
  EXPECT_EQ(Json::parse(lines[0]).at(hostile), 1);
}

TEST(LogTest, IllFormedUtf8IsReplaced) {
  EXPECT_EQ(logged_field(std::string("zo\xc3\xab \xf0\x9f\x91\x9f")), "zo\xc3\xab \xf0\x9f\x91\x9f");
  EXPECT_EQ(logged_field(std::string("a\xff"
                                     "b")),
            "a\xef\xbf\xbd"
            "b");
  for (const char* text : {"\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf", "\xe2\x82", "\x80\x80"}) {
    const std::string value = logged_field(std::string(text));
    EXPECT_EQ(value.find("\xef\xbf\xbd"), 0U);
  }
}

TEST(LogTest, LongValuesAreCutBetweenCharacters) {
  for (std::size_t before = 0; before < 3; ++before) {
    std::string text(before, 'x');
    while (text.size() < 10'000) text += "\xe2\x82\xac";
    const std::string value = logged_field(text);
    EXPECT_LT(value.size(), 2100U);
    EXPECT_GT(value.size(), 2040U);
    EXPECT_EQ(value.find("\xef\xbf\xbd"), std::string::npos);
    EXPECT_EQ(value.substr(value.size() - 3), "…");
  }
}

TEST(LogTest, NumbersKeepTheirValue) {
  EXPECT_EQ(logged_field(std::numeric_limits<std::int64_t>::min()), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(logged_field(std::numeric_limits<std::uint64_t>::max()), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(logged_field(0.1), 0.1);
  EXPECT_TRUE(logged_field(std::nan("")).is_null());
  EXPECT_TRUE(logged_field(std::numeric_limits<double>::infinity()).is_null());
}

TEST(LogTest, ATraceThatIsNoneIsLeftOut) {
  EXPECT_EQ(logged_field(TraceId{0x4bf92f3577b34da6, 1}), "4bf92f3577b34da60000000000000001");
  const auto lines = logged({}, [] { log_info("m", {{"trace_id", TraceId{}}, {"n", 1}}); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_FALSE(Json::parse(lines[0]).contains("trace_id"));
  EXPECT_EQ(Json::parse(lines[0]).at("n"), 1);
}

TEST(LogTest, LevelsBelowTheChosenOneAreLeftOut) {
  const auto all = [] {
    log_debug("d");
    log_info("i");
    log_warn("w");
    log_error("e");
  };
  EXPECT_EQ(logged({"debug", "json"}, all).size(), 4U);
  EXPECT_EQ(logged({"info", "json"}, all).size(), 3U);
  EXPECT_EQ(logged({"error", "json"}, all).size(), 1U);
}

TEST(LogTest, TextIsForReading) {
  const auto lines = logged({"info", "text"}, [] { log_warn("two\nlines", {{"sale", "s 1"}, {"n", 2}}); });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].substr(23), "Z warn  two\\nlines sale=\"s 1\" n=2");
}

TEST(LogTest, WritesAtOnceBeforeTheStartAndAfterTheEnd) {
  logged({}, [] {});  // whatever the test before chose is undone
  testing::internal::CaptureStderr();
  log_info("early");
  const auto lines = lines_of(testing::internal::GetCapturedStderr());
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(Json::parse(lines[0]).at("message"), "early");
}

TEST(LogTest, RefusesUnknownOptions) {
  EXPECT_THROW(start_log({"loud", "json"}), std::invalid_argument);
  EXPECT_THROW(start_log({"info", "xml"}), std::invalid_argument);
}

TEST(LogTest, ThreadsDoNotMixTheirLines) {
  const auto lines = logged({}, [] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < 500; ++i) log_info("line", {{"thread", t}, {"i", i}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  ASSERT_EQ(lines.size(), 2000U);  // fewer than the queue holds, so none is dropped
  std::vector<int> next(4, 0);
  for (const std::string& line : lines) {
    const Json json = Json::parse(line);
    EXPECT_EQ(json.at("i"), next[json.at("thread").get<std::size_t>()]++);
  }
}

/// Puts a pipe that nobody reads in the place of stderr. Returns its reading end.
int block_stderr() {
  int ends[2];
  if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0) return -1;
  close(ends[1]);
  return ends[0];
}

TEST(LogTest, AStuckReaderDropsLinesAndStopsNobody) {
  constexpr int kLines = 50'000;
  const int saved = dup(STDERR_FILENO);
  const int reading_end = block_stderr();
  ASSERT_GE(reading_end, 0);
  start_log({});
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kLines; ++i) log_info("nobody reads this", {{"i", i}});
  const auto took = std::chrono::steady_clock::now() - begin;

  std::string text;
  std::thread reader([&] {
    char buffer[65'536];
    for (ssize_t n = 0; (n = read(reading_end, buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(n));
    }
  });
  shutdown_log();
  dup2(saved, STDERR_FILENO);  // closes the pipe's other end: the reader ends
  reader.join();
  close(saved);
  close(reading_end);

  EXPECT_LT(took, std::chrono::seconds{20});
  const auto lines = lines_of(text);
  ASSERT_GT(lines.size(), 2U);
  EXPECT_LT(lines.size(), std::size_t{kLines} / 2);
  // The newest lines are the ones that were kept, and the loss is told.
  EXPECT_EQ(Json::parse(lines[lines.size() - 2]).at("i"), kLines - 1);
  const Json last = Json::parse(lines.back());
  EXPECT_EQ(last.at("level"), "warn");
  EXPECT_EQ(last.at("lines").get<std::size_t>() + lines.size() - 1, std::size_t{kLines});
}

/// What a process does that ends while nobody reads its log.
[[noreturn]] void end_with_a_stuck_reader() {
  alarm(60);
  const int reading_end = block_stderr();
  start_log({});
  for (int i = 0; i < 10'000; ++i) log_info("nobody reads this", {{"i", i}});
  const auto begin = std::chrono::steady_clock::now();
  shutdown_log();
  log_info("nor this");
  const bool is_quick = std::chrono::steady_clock::now() - begin < std::chrono::seconds{10};
  // Not _exit: under TSan that flushes standard error, which the stuck writer has locked.
  syscall(SYS_exit_group, reading_end >= 0 && is_quick ? 0 : 1);
  std::abort();
}

TEST(LogDeathTest, AStuckReaderDoesNotHoldUpTheEnd) {
  // In a process of its own from the start: a forked copy of one with threads may not start others.
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(end_with_a_stuck_reader(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace flashsale::telemetry
