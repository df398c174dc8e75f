#include "flashsale/api/problem.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "replied_exchange.hpp"

namespace flashsale::api {
namespace {

using nlohmann::json;

// The names and statuses that clients rely on.
TEST(Problem, HasThePromisedNamesAndStatuses) {
  const std::map<std::string, unsigned> promised = {
      {"malformed-request", 400},      {"unauthorized", 401},       {"queue-ticket-required", 403},
      {"not-your-turn", 403},          {"unknown-sale", 404},       {"unknown-item", 404},
      {"unknown-order", 404},          {"sold-out", 409},           {"limit-exceeded", 409},
      {"sale-not-open", 409},          {"payload-too-large", 413},  {"unsupported-media-type", 415},
      {"idempotency-key-reused", 422}, {"invalid-quantity", 422},   {"rate-limited", 429},
      {"headers-too-large", 431},      {"overloaded", 503},         {"unavailable", 503},
      {"outcome-unknown", 503},        {"method-not-allowed", 405}, {"not-found", 404}};
  for (const auto& [name, status] : promised) {
    const ProblemDescription* problem = find_problem(name);
    ASSERT_NE(problem, nullptr) << name;
    EXPECT_EQ(problem->status, status) << name;
  }
}

TEST(Problem, EachIsDescribedOnceAndInFull) {
  std::set<std::string_view> names;
  std::set<std::string_view> titles;
  for (const ProblemDescription& problem : problem_descriptions()) {
    EXPECT_TRUE(names.insert(problem.name).second) << problem.name;
    EXPECT_TRUE(titles.insert(problem.title).second) << problem.title;
    EXPECT_TRUE(std::ranges::all_of(problem.name, [](char c) { return c == '-' || (c >= 'a' && c <= 'z'); }))
        << problem.name;
    EXPECT_GE(problem.status, 400) << problem.name;
    EXPECT_LT(problem.status, 600) << problem.name;
    EXPECT_GT(problem.explanation.size(), 40U) << problem.name;
    EXPECT_TRUE(problem.explanation.ends_with('.')) << problem.name;
    EXPECT_EQ(&describe(problem.type), &problem);
    EXPECT_EQ(find_problem(problem.name), &problem);
  }
}

TEST(Problem, UnknownNamesAreNotFound) {
  EXPECT_EQ(find_problem(""), nullptr);
  EXPECT_EQ(find_problem("Sold-Out"), nullptr);
  EXPECT_EQ(find_problem("sold-out/"), nullptr);
}

TEST(Problem, DocumentHasTheMembersOfRfc9457) {
  const json document = json::parse(problem_document(ProblemType::sold_out, "Only 1 unit of \"sneaker-42\" is left"));
  EXPECT_EQ(document.size(), 4U);
  EXPECT_EQ(document["type"], "/problems/sold-out");
  EXPECT_EQ(document["title"], "Sold out");
  EXPECT_EQ(document["status"], 409);
  EXPECT_EQ(document["detail"], "Only 1 unit of \"sneaker-42\" is left");
}

TEST(Problem, DocumentTakesFurtherMembersAndLeavesOutAnEmptyDetail) {
  const json document =
      json::parse(problem_document(ProblemType::sale_not_open, "", R"("starts_at":"2026-01-02T03:04:05Z")"));
  EXPECT_FALSE(document.contains("detail"));
  EXPECT_EQ(document["starts_at"], "2026-01-02T03:04:05Z");
}

TEST(Problem, DetailFromOutsideCannotBreakTheDocument) {
  const json document = json::parse(problem_document(ProblemType::malformed_request, "\xFF\",\"status\":200\n"));
  EXPECT_EQ(document["status"], 400);
  EXPECT_EQ(document["detail"], "\xEF\xBF\xBD\",\"status\":200\n");
}

TEST(Problem, ReplyCarriesStatusMediaTypeAndHeaders) {
  RepliedExchange exchange;
  std::string headers;
  append_header(headers, "WWW-Authenticate", "Bearer");
  reply_problem(exchange, ProblemType::unauthorized, "no token", headers);
  EXPECT_EQ(exchange.replies, 1);
  EXPECT_EQ(exchange.status, 401U);
  EXPECT_EQ(exchange.content_type, "application/problem+json");
  EXPECT_EQ(exchange.headers, "WWW-Authenticate: Bearer\r\n");
  EXPECT_EQ(json::parse(exchange.body)["detail"], "no token");
}

TEST(Problem, WhatPassesSaysWhenToComeAgain) {
  for (const auto& problem : problem_descriptions()) {
    RepliedExchange exchange;
    reply_problem(exchange, problem.type, "", "Location: /v1/orders/x\r\n");
    const bool passes = problem.status == 429 || problem.status == 503;
    EXPECT_EQ(problem.retry_after_s > 0, passes) << problem.name;
    EXPECT_TRUE(exchange.headers.starts_with("Location: /v1/orders/x\r\n")) << exchange.headers;
    EXPECT_EQ(exchange.headers.find("\r\nRetry-After: ") != std::string::npos, passes) << exchange.headers;
  }
}

TEST(Problem, WhoKnowsExactlySaysSo) {
  RepliedExchange exchange;
  for (int i = 0; i < 20; ++i) {
    reply_problem(exchange, ProblemType::rate_limited, "too often", "Retry-After: 3\r\n");
    EXPECT_EQ(exchange.headers, "Retry-After: 3\r\n");
  }
}

using HeaderDeathTest = ::testing::Test;

TEST(HeaderDeathTest, AFieldCannotSmuggleAnother) {
  std::string block;
  EXPECT_DEATH(append_header(block, "Location", "/x\r\nSet-Cookie: a=b"), "");
  EXPECT_DEATH(append_header(block, "Loc\nation", "/x"), "");
  EXPECT_DEATH(append_header(block, "Location", std::string_view("a\0b", 3)), "");
  EXPECT_DEATH(append_header(block, "", "x"), "");
}

}  // namespace
}  // namespace flashsale::api
