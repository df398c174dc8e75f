#include "http/response_writer.hpp"

#include <gtest/gtest.h>

#include <string>

#include "http/byte_buffer.hpp"
#include "http/request_id.hpp"

namespace flashsale::http {
namespace {

constexpr api::Reply kConflict{
    .status = 409, .content_type = "application/problem+json", .body = "{}", .headers = "Retry-After: 1\r\n"};

std::string written(const api::Reply& reply, ResponseFrame frame) {
  ByteBuffer out;
  frame.date_field = "Date: D\r\n";
  frame.request_id = "r";
  append_response(out, reply, frame);
  return std::string(out.view());
}

ResponseFrame frame() { return {}; }

TEST(ResponseWriter, WritesAWholeResponse) {
  EXPECT_EQ(written(kConflict, frame()),
            "HTTP/1.1 409 Conflict\r\nDate: D\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n"
            "X-Request-Id: r\r\nRetry-After: 1\r\n\r\n{}");
}

TEST(ResponseWriter, ATraceIsAnsweredIfItIsThere) {
  ResponseFrame traced = frame();
  traced.trace_response = "00-a-b-01";
  EXPECT_NE(written(kConflict, traced).find("\r\ntraceresponse: 00-a-b-01\r\n"), std::string::npos);
}

TEST(ResponseWriter, Connection) {
  ResponseFrame close = frame();
  close.close = close.keep_alive_1_0 = true;
  EXPECT_NE(written(kConflict, close).find("\r\nConnection: close\r\n"), std::string::npos);
  ResponseFrame old = frame();
  old.keep_alive_1_0 = true;
  EXPECT_NE(written(kConflict, old).find("\r\nConnection: keep-alive\r\n"), std::string::npos);
  EXPECT_EQ(written(kConflict, frame()).find("Connection"), std::string::npos);
}

TEST(ResponseWriter, HeadHasTheLengthButNoBody) {
  ResponseFrame head = frame();
  head.without_body = true;
  const std::string text = written(kConflict, head);
  EXPECT_NE(text.find("Content-Length: 2\r\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\n\r\n"));
}

TEST(ResponseWriter, StatusesWithoutBody) {
  for (const unsigned status : {204U, 304U}) {
    const std::string text =
        written({.status = status, .content_type = "a/b", .body = "body", .headers = "ETag: \"e\"\r\n"}, frame());
    EXPECT_EQ(text.find("Content-"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with("ETag: \"e\"\r\n\r\n")) << text;
  }
  EXPECT_NE(
      written({.status = 200, .content_type = "a/b", .body = {}, .headers = {}}, frame()).find("Content-Length: 0\r\n"),
      std::string::npos);
}

TEST(ResponseWriter, AppendsBehindEarlierAnswers) {
  ByteBuffer out;
  std::string expected;
  for (int i = 0; i < 50; ++i) {
    const std::string body(static_cast<std::size_t>(i) * 97, 'b');
    const api::Reply reply{.status = 200, .content_type = "text/plain", .body = body, .headers = {}};
    append_response(out, reply, frame());
    ByteBuffer single;
    append_response(single, reply, frame());
    expected += single.view();
    if (i == 25) out.consume(100), expected.erase(0, 100);
  }
  EXPECT_EQ(out.view(), expected);
}

TEST(ResponseWriter, ABodyThatFollowsIsAnnounced) {
  const api::Reply csv{.status = 200, .content_type = "text/csv", .body = "not looked at", .headers = {}};
  ResponseFrame chunked = frame();
  chunked.framing = BodyFraming::chunked;
  EXPECT_EQ(written(csv, chunked),
            "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n"
            "X-Request-Id: r\r\n\r\n");
  ResponseFrame old = frame();
  old.framing = BodyFraming::until_close;
  old.close = true;
  EXPECT_EQ(written(csv, old),
            "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/csv\r\nX-Request-Id: r\r\nConnection: close\r\n\r\n");
}

TEST(ResponseWriter, Chunks) {
  ByteBuffer out;
  append_chunk(out, "hello");
  append_chunk(out, std::string(0x12a, 'x'));
  append_last_chunk(out);
  EXPECT_EQ(out.view(), "5\r\nhello\r\n12a\r\n" + std::string(0x12a, 'x') + "\r\n0\r\n\r\n");
}

TEST(ResponseWriter, UnknownStatus) { EXPECT_EQ(reason_phrase(599), "Unknown"); }

TEST(DateCache, IsTheDateOfRfc9110) {
  DateCache dates;
  EXPECT_EQ(dates.field(784111777), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  EXPECT_EQ(dates.field(784111777), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  EXPECT_EQ(dates.field(784111778), "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
  EXPECT_EQ(dates.field(1709164800), "Date: Thu, 29 Feb 2024 00:00:00 GMT\r\n");
}

TEST(ByteBuffer, KeepsItsBytesWhileItGrowsAndMoves) {
  ByteBuffer buffer;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 37), static_cast<char>('a' + i % 26));
    buffer.append(piece);
    expected += piece;
    const std::size_t taken = std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(i % 23));
    buffer.consume(taken);
    expected.erase(0, taken);
    ASSERT_EQ(buffer.view(), expected);
  }
  ByteBuffer moved = std::move(buffer);
  EXPECT_EQ(moved.view(), expected);
  EXPECT_EQ(buffer.capacity(), 0U);  // NOLINT(bugprone-use-after-move): it must be empty, not broken
  buffer.append("x");
  EXPECT_EQ(buffer.view(), "x");
  moved.release();
  EXPECT_EQ(moved.capacity(), 0U);
}

TEST(RequestId, TakesVisibleAsciiOnly) {
  EXPECT_TRUE(is_usable_request_id("a"));
  EXPECT_TRUE(is_usable_request_id(std::string(128, '~')));
  EXPECT_FALSE(is_usable_request_id(""));
  EXPECT_FALSE(is_usable_request_id(std::string(129, 'a')));
  EXPECT_FALSE(is_usable_request_id("a b"));
  EXPECT_FALSE(is_usable_request_id("a\x7f"));
  EXPECT_FALSE(is_usable_request_id("\xc3\xa4"));
}

TEST(RequestId, MadeOnesDiffer) {
  MadeRequestId a{}, b{};
  make_request_id(a), make_request_id(b);
  EXPECT_NE(a, b);
  EXPECT_TRUE(is_usable_request_id({a.data(), a.size()}));
  EXPECT_EQ(std::string_view(a.data(), a.size()).find_first_not_of("0123456789abcdef"), std::string_view::npos);
}

}  // namespace
}  // namespace flashsale::http
