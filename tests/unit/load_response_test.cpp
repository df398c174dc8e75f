#include <gtest/gtest.h>

#include <string>

#include "load/answer.hpp"
#include "load/response_parser.hpp"

namespace flashsale::load {
namespace {

using State = Response::State;

constexpr const char* kId = "5a2c7c8e-54d4-5f0e-9d0b-3a0d6f3b7a11";

std::string order_body(const std::string& status) {
  return std::string(R"({"id":")") + kId + R"(","sale_id":"s","sku":"a","quantity":1,"unit_price":{"amount":1,)" +
         R"("currency":"EUR"},"total":{"amount":1,"currency":"EUR"},"status":")" + status + R"("})";
}

std::string response_text(unsigned status, const std::string& body, const std::string& fields = "") {
  return "HTTP/1.1 " + std::to_string(status) +
         " Some Phrase\r\nDate: now\r\ncontent-LENGTH: " + std::to_string(body.size()) + "\r\n" + fields + "\r\n" +
         body;
}

Answer answer_to(Kind kind, const std::string& text) { return read_answer(kind, parse_response(text)); }

std::string problem(const std::string& name) {
  return R"({"type":"/problems/)" + name + R"(","title":"T","status":1})";
}

TEST(LoadResponseTest, IsCompleteAtItsLastByteAndNotBefore) {
  const std::string text = response_text(201, order_body("confirmed"), "Idempotency-Replayed: true\r\n");
  for (std::size_t size = 0; size < text.size(); ++size) {
    ASSERT_EQ(parse_response(std::string_view(text).substr(0, size)).state, State::incomplete) << size;
  }
  const Response response = parse_response(text);
  EXPECT_EQ(response.state, State::complete);
  EXPECT_EQ(response.status, 201U);
  EXPECT_EQ(response.size, text.size());
  EXPECT_EQ(response.body, order_body("confirmed"));
  EXPECT_TRUE(response.is_replay);
  EXPECT_FALSE(response.closes);
}

TEST(LoadResponseTest, EndsWhereItsLengthSays) {
  const std::string text = response_text(200, "abc");
  EXPECT_EQ(parse_response(text + "HTTP/1.1 200").size, text.size());
  EXPECT_TRUE(parse_response(response_text(503, "", "Connection: Close\r\n")).closes);
  EXPECT_EQ(parse_response("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n").state, State::complete);
}

TEST(LoadResponseTest, SaysWhenToComeAgain) {
  EXPECT_EQ(parse_response(response_text(503, "", "Retry-After: 12\r\n")).retry_after_s, 12U);
  EXPECT_EQ(parse_response(response_text(503, "")).retry_after_s, 0U);
  for (const char* text : {"", "-1", "1.5", "Fri, 31 Dec 1999 23:59:59 GMT", "99999999999"}) {
    const std::string fields = "retry-after: " + std::string(text) + "\r\n";
    EXPECT_EQ(parse_response(response_text(429, "", fields)).retry_after_s, 0U) << text;
  }
}

TEST(LoadResponseTest, DoesNotGuess) {
  for (const char* text :
       {"HTTP/1.0 200 OK\r\n", "SSH-2.0-x\r\n", "HTTP/1.1 2xx OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"}) {
    EXPECT_EQ(parse_response(text).state, State::malformed) << text;
  }
  EXPECT_EQ(parse_response("HTTP/1.1 200 OK\r\n" + std::string(70'000, 'x')).state, State::malformed);
}

TEST(LoadAnswerTest, TellsOrdersApart) {
  const Answer created = answer_to(Kind::fresh, response_text(201, order_body("confirmed")));
  EXPECT_EQ(created.outcome, Outcome::created);
  EXPECT_EQ(created.order_id, OrderId::parse(kId));
  EXPECT_EQ(created.order_status, OrderStatus::confirmed);
  EXPECT_EQ(answer_to(Kind::fresh, response_text(202, order_body("pending"))).outcome, Outcome::accepted);
  EXPECT_EQ(answer_to(Kind::retry, response_text(200, order_body("cancelled"))).outcome, Outcome::replayed);
  EXPECT_EQ(answer_to(Kind::poll, response_text(200, order_body("confirmed"))).outcome, Outcome::done);
  EXPECT_EQ(answer_to(Kind::fresh, response_text(204, "")).outcome, Outcome::protocol_error);
  EXPECT_FALSE(answer_to(Kind::fresh, response_text(201, "{}")).order_id);
}

TEST(LoadAnswerTest, TellsRefusalsApart) {
  for (const std::string name : {"sold-out", "limit-exceeded", "rate-limited"}) {
    const Answer answer = answer_to(Kind::fresh, response_text(409, problem(name)));
    EXPECT_EQ(answer.outcome, Outcome::refused);
    EXPECT_EQ(kReasons[answer.reason], name);
  }
  EXPECT_EQ(answer_to(Kind::fresh, response_text(418, "teapot")).reason, 0);
  EXPECT_EQ(answer_to(Kind::fresh, response_text(503, problem("overloaded"))).outcome, Outcome::overloaded);
  EXPECT_EQ(answer_to(Kind::fresh, response_text(503, problem("unavailable"))).outcome, Outcome::unavailable);
  EXPECT_EQ(answer_to(Kind::fresh, response_text(503, problem("outcome-unknown"))).outcome, Outcome::outcome_unknown);
  // A proxy's own page says nothing about what happened behind it.
  EXPECT_EQ(answer_to(Kind::fresh, response_text(503, "<html>")).outcome, Outcome::server_error);
  EXPECT_EQ(answer_to(Kind::fresh, response_text(502, "<html>")).outcome, Outcome::server_error);
}

TEST(LoadAnswerTest, ReadsWhatBecameOfAPayment) {
  const auto to_payment = [](const std::string& body) { return answer_to(Kind::pay, response_text(200, body)); };
  const Answer answer = to_payment(R"({"order_id":"x","outcome":"refund_required","repeated":true})");
  EXPECT_EQ(answer.outcome, Outcome::done);
  EXPECT_EQ(answer.payment_outcome, PaymentOutcome::refund_required);
  EXPECT_TRUE(answer.is_repeated);
  EXPECT_FALSE(to_payment(R"({"order_id":"x","outcome":"late","repeated":false})").is_repeated);
  for (const char* body : {"{}", R"({"outcome":"paid"})", R"({"outcome":7})"}) {
    EXPECT_EQ(to_payment(body).outcome, Outcome::protocol_error) << body;
  }
  EXPECT_FALSE(answer_to(Kind::pay, response_text(503, "{}")).payment_outcome);
}

}  // namespace
}  // namespace flashsale::load
