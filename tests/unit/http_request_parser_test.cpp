#include "http/request_parser.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace flashsale::http {
namespace {

using State = RequestParser::State;

constexpr ParserLimits kLimits{.header_bytes_max = 1024, .body_bytes_max = 64, .target_bytes_max = 128};

/// A request as text, which outlives the bytes that it was parsed from.
struct Parsed {
  State state = State::head;
  api::ProblemType problem = api::ProblemType::malformed_request;
  std::string detail;
  api::Method method = api::Method::get;
  std::string target, path, query, body;
  std::vector<std::string> headers;
  bool keep_alive = false;
  bool expects_continue = false;
  std::string rest;  // what belongs to the next request

  bool operator==(const Parsed&) const = default;
};

Parsed result_of(const RequestParser& parser, const std::string& bytes, std::size_t size) {
  Parsed parsed;
  parsed.state = parser.state();
  if (parsed.state == State::failed) {
    parsed.problem = parser.failure().type;
    parsed.detail = parser.failure().detail;
    return parsed;
  }
  if (parsed.state == State::head) return parsed;
  api::Request request;
  parser.view(bytes.data(), request);
  parsed.method = request.method;
  parsed.target = request.target;
  parsed.path = request.path;
  parsed.query = request.query;
  parsed.body = request.body;
  parsed.headers.assign(request.headers.begin(), request.headers.end());
  parsed.keep_alive = parser.keep_alive();
  parsed.expects_continue = parser.expects_continue();
  if (parsed.state == State::complete)
    parsed.rest = bytes.substr(parser.message_bytes(), size - parser.message_bytes());
  return parsed;
}

/// Feeds the pieces one after the other, moving the buffer each time, as a connection does when it grows.
Parsed parse_pieces(const std::vector<std::string_view>& pieces, const ParserLimits& limits = kLimits) {
  RequestParser parser(limits);
  std::string bytes;
  std::size_t size = 0;
  for (const std::string_view piece : pieces) {
    std::string moved = bytes.substr(0, size);
    moved += piece;
    size = moved.size();
    bytes = std::move(moved);
    if (parser.state() == State::head || parser.state() == State::body) parser.parse(bytes.data(), size);
  }
  return result_of(parser, bytes, size);
}

Parsed parse(std::string_view bytes, const ParserLimits& limits = kLimits) { return parse_pieces({bytes}, limits); }

std::string header(const Parsed& parsed, api::Header name) { return parsed.headers[static_cast<std::size_t>(name)]; }

TEST(RequestParser, ReadsWhatTheApiNeeds) {
  const Parsed parsed = parse(
      "POST /v1/sales/demo/orders?x=1&y HTTP/1.1\r\nHost: shop.example:8080\r\nAUTHORIZATION:Bearer abc\r\n"
      "content-type:  application/json \t\r\nIdempotency-Key: k-1\r\nQueue-Ticket: t\r\nX-Customer-ID: c\r\n"
      "x-request-id: r\r\nPrefer: wait=3\r\nIf-None-Match: \"e\"\r\nOrigin: https://shop.example\r\nAccept: */*\r\n"
      "X-Unknown: z\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_EQ(parsed.state, State::complete) << parsed.detail;
  EXPECT_EQ(parsed.method, api::Method::post);
  EXPECT_EQ(parsed.target, "/v1/sales/demo/orders?x=1&y");
  EXPECT_EQ(parsed.path, "/v1/sales/demo/orders");
  EXPECT_EQ(parsed.query, "x=1&y");
  EXPECT_EQ(parsed.body, "hello");
  EXPECT_TRUE(parsed.keep_alive);
  EXPECT_EQ(header(parsed, api::Header::authorization), "Bearer abc");
  EXPECT_EQ(header(parsed, api::Header::content_type), "application/json");
  EXPECT_EQ(header(parsed, api::Header::idempotency_key), "k-1");
  EXPECT_EQ(header(parsed, api::Header::queue_ticket), "t");
  EXPECT_EQ(header(parsed, api::Header::customer_id), "c");
  EXPECT_EQ(header(parsed, api::Header::request_id), "r");
  EXPECT_EQ(header(parsed, api::Header::prefer), "wait=3");
  EXPECT_EQ(header(parsed, api::Header::if_none_match), "\"e\"");
  EXPECT_EQ(header(parsed, api::Header::origin), "https://shop.example");
  EXPECT_EQ(header(parsed, api::Header::host), "shop.example:8080");
}

TEST(RequestParser, OfSeveralLinesTheProxysIsTheLast) {
  const Parsed parsed =
      parse("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n");
  ASSERT_EQ(parsed.state, State::complete) << parsed.detail;
  EXPECT_EQ(header(parsed, api::Header::forwarded_for), "198.51.100.7");
}

TEST(RequestParser, TwoTraceparentsAreNone) {
  const std::string begin = "GET / HTTP/1.1\r\nHost: h\r\nTraceParent: 00-a\r\n";
  EXPECT_EQ(header(parse(begin + "\r\n"), api::Header::traceparent), "00-a");
  for (const char* more : {"traceparent: 00-a\r\n\r\n", "traceparent: b\r\ntraceparent: c\r\n\r\n"}) {
    const Parsed parsed = parse(begin + more);
    ASSERT_EQ(parsed.state, State::complete) << parsed.detail;
    EXPECT_EQ(header(parsed, api::Header::traceparent), "");
  }
}

TEST(RequestParser, SplitAnywhereGivesTheSame) {
  const std::vector<std::string> requests{
      "POST /a?b HTTP/1.1\r\nHost: h\r\nIdempotency-Key: k\r\nContent-Length: 3\r\n\r\nabcGET /next",
      "\r\nGET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3;ext=1\r\nabc\r\n0A\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\nGET / HTTP/1.1\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
      "GET / HTTP/1.1\nHost: h\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
  };
  for (const std::string& request : requests) {
    const Parsed whole = parse(request);
    ASSERT_TRUE(whole.state == State::complete || whole.state == State::failed) << request;
    for (std::size_t i = 1; i < request.size(); ++i) {
      const std::string_view text = request;
      Parsed split = parse_pieces({text.substr(0, i), text.substr(i)});
      // A connection stops feeding a request that is complete or has failed; bytes behind it do not count here.
      Parsed expected = whole;
      split.rest.clear(), expected.rest.clear();
      EXPECT_EQ(split.state, expected.state) << request << " at " << i;
      EXPECT_EQ(split.problem, expected.problem) << request << " at " << i;
      EXPECT_EQ(split.body, expected.body) << request << " at " << i;
      EXPECT_EQ(split.headers, expected.headers) << request << " at " << i;
    }
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < request.size(); ++i) bytes.push_back(std::string_view(request).substr(i, 1));
    const Parsed dripped = parse_pieces(bytes);
    EXPECT_EQ(dripped.state, whole.state) << request;
    EXPECT_EQ(dripped.body, whole.body) << request;
  }
}

TEST(RequestParser, LeavesWhatFollowsToTheNextRequest) {
  EXPECT_EQ(parse("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b").rest, "GET /b");
  EXPECT_EQ(parse("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxyGET /b").rest, "GET /b");
  const Parsed chunked =
      parse("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n1\r\nz\r\n0\r\n\r\nGET /b");
  EXPECT_EQ(chunked.body, "xyz");
  EXPECT_EQ(chunked.rest, "GET /b");
}

TEST(RequestParser, IsReusable) {
  RequestParser parser(kLimits);
  for (int i = 0; i < 3; ++i) {
    std::string chunked = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n";
    std::size_t size = chunked.size();
    ASSERT_EQ(parser.parse(chunked.data(), size), State::complete);
    EXPECT_EQ(result_of(parser, chunked, size).body, "xy");
    parser.reset();
    std::string plain = "GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
    size = plain.size();
    ASSERT_EQ(parser.parse(plain.data(), size), State::complete);
    EXPECT_EQ(result_of(parser, plain, size).body, "");
    EXPECT_EQ(result_of(parser, plain, size).path, "/b");
    parser.reset();
  }
}

TEST(RequestParser, KeepAlive) {
  const auto keeps = [](std::string_view version, std::string_view fields) {
    const Parsed parsed = parse("GET / " + std::string(version) + "\r\nHost: h\r\n" + std::string(fields) + "\r\n");
    EXPECT_EQ(parsed.state, State::complete);
    return parsed.keep_alive;
  };
  EXPECT_TRUE(keeps("HTTP/1.1", ""));
  EXPECT_FALSE(keeps("HTTP/1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1", "Connection: TE, Close\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0", ""));
  EXPECT_TRUE(keeps("HTTP/1.0", "Connection: keep-alive\r\n"));
}

TEST(RequestParser, FormsOfTheTarget) {
  const auto path_of = [](std::string_view target) {
    return parse("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n").path;
  };
  EXPECT_EQ(path_of("/"), "/");
  EXPECT_EQ(path_of("/a%20b?c"), "/a%20b");
  EXPECT_EQ(path_of("http://shop.example/a/b?c"), "/a/b");
  EXPECT_EQ(path_of("HTTPS://shop.example"), "/");
  EXPECT_EQ(path_of("http://shop.example?c"), "/");
  EXPECT_EQ(parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").path, "*");
  EXPECT_EQ(parse("GET http://h?c=d HTTP/1.1\r\nHost: h\r\n\r\n").query, "c=d");
}

TEST(RequestParser, Expectations) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n";
  const Parsed waiting = parse(head + "Content-Length: 3\r\n\r\n");
  EXPECT_EQ(waiting.state, State::body);
  EXPECT_TRUE(waiting.expects_continue);
  EXPECT_FALSE(parse(head + "\r\n").expects_continue) << "there is no body to wait for";
  EXPECT_EQ(parse(head + "Content-Length: 65\r\n\r\n").problem, api::ProblemType::payload_too_large);
  EXPECT_EQ(parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n").expects_continue, false);
}

struct Refused {
  const char* name;
  std::string bytes;
  api::ProblemType problem = api::ProblemType::malformed_request;
};

class RequestParserRefuses : public testing::TestWithParam<Refused> {};

TEST_P(RequestParserRefuses, AtOnceAndByteByByte) {
  const std::string& bytes = GetParam().bytes;
  const Parsed whole = parse(bytes);
  ASSERT_EQ(whole.state, State::failed);
  EXPECT_EQ(whole.problem, GetParam().problem) << whole.detail;
  EXPECT_FALSE(whole.detail.empty());
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < bytes.size(); ++i) pieces.push_back(std::string_view(bytes).substr(i, 1));
  EXPECT_EQ(parse_pieces(pieces).state, State::failed);
}

std::string get(const std::string& fields) { return "GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n"; }
std::string post(const std::string& fields, const std::string& body = "0\r\n\r\n") {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
}
std::string chunked(const std::string& body) { return post("Transfer-Encoding: chunked\r\n", body); }
std::string target(const std::string& text) { return "GET " + text + " HTTP/1.1\r\nHost: h\r\n\r\n"; }

std::string empty_lines(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) lines += "\r\n";
  return lines;
}

const std::vector<Refused> kRefused{
    // No HTTP
    {"TlsHello", std::string("\x16\x03\x01\x02\x00\x01\x00", 7)},
    {"OtherProtocol", "SSH-2.0-OpenSSH_9.2\r\n"},
    {"RedisCommand", "*1\r\n$4\r\nPING\r\n"},
    {"Nul", std::string("\0", 1)},
    {"EndlessMethod", std::string(33, 'A')},
    {"LongMethod", std::string(33, 'A') + " / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"NoMethod", " / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"NoTarget", "GET  HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"NoVersion", "GET /\r\nHost: h\r\n\r\n"},
    {"Http09", "GET /\r\n"},
    {"Http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    {"Http12", "GET / HTTP/1.2\r\nHost: h\r\n\r\n"},
    {"LowerCaseVersion", "GET / http/1.1\r\nHost: h\r\n\r\n"},
    {"TwoSpaces", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"TrailingSpace", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"},
    {"CarriageReturnsBefore", "\r\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
    // Lines
    {"BareLineFeeds", "GET / HTTP/1.1\nHost: h\n\n"},
    {"BareLineFeedInField", get("A: b\nTransfer-Encoding: chunked\r\n")},
    {"BareLineFeedAtEnd", "GET / HTTP/1.1\r\nHost: h\r\n\n"},
    {"BareCarriageReturn", get("A: b\rTransfer-Encoding: chunked\r\n")},
    {"Folded", get("A: b\r\n c\r\n")},
    {"FoldedWithTab", get("A: b\r\n\tc\r\n")},
    {"FoldedEmpty", get("A:\r\n b\r\n")},
    {"FoldedFirst", "GET / HTTP/1.1\r\n Host: h\r\n\r\n"},
    {"SpaceBeforeColon", get("Content-Length : 1\r\n")},
    {"SpaceInName", get("Content Length: 1\r\n")},
    {"EmptyName", get(": a\r\n")},
    {"NoColon", get("abc\r\n")},
    {"ControlInName", get("A\x01: b\r\n")},
    {"ControlInValue", get("A: b\x01\r\n")},
    {"DeleteInValue", get("A: b\x7f\r\n")},
    {"NulInValue", get(std::string("A: b\0c\r\n", 8))},
    // Target
    {"NulInTarget", target(std::string("/a\0b", 4))},
    {"ControlInTarget", target("/a\x01")},
    {"TabInTarget", target("/a\tb")},
    {"ObsTextInTarget", target("/\xc3\xa4")},
    {"FragmentInTarget", target("/a#b")},
    {"NoSlash", target("a")},
    {"Authority", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"Asterisk", target("*")},
    {"OtherScheme", target("ftp://h/a")},
    {"NoAuthority", target("http:///a")},
    {"LongTarget", target("/" + std::string(128, 'a'))},
    // Host
    {"NoHost", "GET / HTTP/1.1\r\n\r\n"},
    {"TwoHosts", get("Host: h\r\n")},
    {"TwoHosts10", "GET / HTTP/1.0\r\nHost: h\r\nHost: i\r\n\r\n"},
    {"HostWithPath", "GET / HTTP/1.1\r\nHost: h/a\r\n\r\n"},
    {"HostWithUser", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"},
    {"HostList", "GET / HTTP/1.1\r\nHost: h, i\r\n\r\n"},
    // Framing: everything that two servers in a row may understand differently
    {"TransferEncodingGzip", post("Transfer-Encoding: gzip\r\n")},
    {"TransferEncodingGzipChunked", post("Transfer-Encoding: gzip, chunked\r\n")},
    {"TransferEncodingChunkedGzip", post("Transfer-Encoding: chunked, gzip\r\n")},
    {"TransferEncodingChunkedTwice", post("Transfer-Encoding: chunked, chunked\r\n")},
    {"TransferEncodingIdentity", post("Transfer-Encoding: identity\r\n")},
    {"TransferEncodingXchunked", post("Transfer-Encoding: xchunked\r\n")},
    {"TransferEncodingQuoted", post("Transfer-Encoding: \"chunked\"\r\n")},
    {"TransferEncodingParameter", post("Transfer-Encoding: chunked;a=b\r\n")},
    {"TransferEncodingComma", post("Transfer-Encoding: chunked,\r\n")},
    {"TransferEncodingEmpty", post("Transfer-Encoding:\r\n")},
    {"TransferEncodingVerticalTab", post("Transfer-Encoding: \x0b"
                                         "chunked\r\n")},
    {"TwoTransferEncodings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
    {"TwoTransferEncodingsOther", post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n")},
    {"TransferEncodingThenLength", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
    {"LengthThenTransferEncoding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
    {"LengthThenOtherEncoding", post("Content-Length: 5\r\nTransfer-Encoding: gzip\r\n")},
    {"OtherEncodingThenLength", post("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n")},
    {"TransferEncoding10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"TwoLengths", post("Content-Length: 5\r\nContent-Length: 6\r\n")},
    {"TwoEqualLengths", post("Content-Length: 5\r\nContent-Length: 5\r\n")},
    {"LengthList", post("Content-Length: 5, 5\r\n")},
    {"LengthNegative", post("Content-Length: -1\r\n")},
    {"LengthPlus", post("Content-Length: +5\r\n")},
    {"LengthHex", post("Content-Length: 0x5\r\n")},
    {"LengthEmpty", post("Content-Length:\r\n")},
    {"LengthSpaces", post("Content-Length: 5 5\r\n")},
    {"LengthFraction", post("Content-Length: 5.0\r\n")},
    {"LengthOverflow", post("Content-Length: 18446744073709551617\r\n")},
    {"BadConnection", get("Connection: a b\r\n")},
    // Chunks
    {"ChunkSizeWord", chunked("zz\r\n")},
    {"ChunkSizeEmpty", chunked("\r\nabc")},
    {"ChunkSizeHexPrefix", chunked("0x1\r\na\r\n0\r\n\r\n")},
    {"ChunkSizeNegative", chunked("-1\r\na\r\n0\r\n\r\n")},
    {"ChunkSizeSpaceBefore", chunked(" 1\r\na\r\n0\r\n\r\n")},
    {"ChunkSizeOverflow", chunked("10000000000000001\r\na\r\n0\r\n\r\n")},
    {"ChunkBareLineFeed", chunked("1\na\r\n0\r\n\r\n")},
    {"ChunkTooMuchData", chunked("1\r\nab\r\n0\r\n\r\n")},
    {"ChunkNoLineEnd", chunked("1\r\na0\r\n\r\n")},
    {"ChunkExtensionBare", chunked("1;a\nb\r\na\r\n0\r\n\r\n")},
    {"ChunkExtensionQuotedLineFeed", chunked("1;a=\"\n\"\r\na\r\n0\r\n\r\n")},
    {"ChunkExtensionWithout", chunked("1 a\r\na\r\n0\r\n\r\n")},
    {"ChunkBareCarriageReturn", chunked("1\r\r\na\r\n0\r\n\r\n")},
    {"LastChunkBareLineFeed", chunked("0\r\n\n")},
    {"TrailerBroken", chunked("0\r\nabc\r\n\r\n")},
    {"TrailerFolded", chunked("0\r\nA: b\r\n c\r\n\r\n")},
    {"TrailerSpaceBeforeColon", chunked("0\r\nA : b\r\n\r\n")},
    {"TrailersEndless", chunked("0\r\nA: " + std::string(3000, 'a') + "\r\nB: " + std::string(3000, 'b') + "\r\n")},
    {"ChunkFramingEndless", chunked("1;a=" + std::string(5000, 'b'))},
    {"ChunkFramingLong", chunked("1;a=" + std::string(5000, 'b') + "\r\na\r\n0\r\n\r\n")},
    // Fields that say who buys, or what
    {"TwoAuthorizations", get("Authorization: a\r\nAuthorization: a\r\n")},
    {"TwoKeys", get("Idempotency-Key: a\r\nidempotency-key: b\r\n")},
    {"TwoCustomers", get("X-Customer-Id: a\r\nX-Customer-Id: b\r\n")},
    {"TwoCustomersFirstEmpty", get("X-Customer-Id:\r\nX-Customer-Id: b\r\n")},
    {"TwoContentTypes", get("Content-Type: a/b\r\nContent-Type: a/b\r\n")},
    {"TwoTickets", get("Queue-Ticket: a\r\nQueue-Ticket: b\r\n")},
    // Expectations
    {"OtherExpectation", post("Expect: 200-ok\r\nContent-Length: 1\r\n")},
    {"TwoExpectations", post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n")},
    // Limits
    {"LongHead", get("A: " + std::string(1024, 'a') + "\r\n"), api::ProblemType::headers_too_large},
    {"EndlessHead", "GET / HTTP/1.1\r\nA: " + std::string(1024, 'a'), api::ProblemType::headers_too_large},
    {"EndlessEmptyLines", empty_lines(513), api::ProblemType::headers_too_large},
    {"LongBody", post("Content-Length: 65\r\n", ""), api::ProblemType::payload_too_large},
    {"HugeBody", post("Content-Length: 9999999999999999999\r\n", ""), api::ProblemType::payload_too_large},
    {"LongChunk", chunked("41\r\n"), api::ProblemType::payload_too_large},
    {"LongChunks", chunked("40\r\n" + std::string(64, 'a') + "\r\n1\r\n"), api::ProblemType::payload_too_large},
};

INSTANTIATE_TEST_SUITE_P(Table, RequestParserRefuses, testing::ValuesIn(kRefused),
                         [](const auto& test) { return test.param.name; });

TEST(RequestParser, AcceptsUpToTheLimits) {
  const Parsed body = parse(post("Content-Length: 64\r\n", std::string(64, 'a')));
  EXPECT_EQ(body.state, State::complete);
  EXPECT_EQ(parse(chunked("40\r\n" + std::string(64, 'a') + "\r\n0\r\n\r\n")).body, std::string(64, 'a'));
  EXPECT_EQ(parse(target("/" + std::string(127, 'a'))).state, State::complete);
  std::string head = get("A: \r\n");
  head.insert(head.size() - 4, std::string(kLimits.header_bytes_max - head.size(), 'a'));
  ASSERT_EQ(head.size(), kLimits.header_bytes_max);
  EXPECT_EQ(parse(head).state, State::complete);
  EXPECT_EQ(parse(head.insert(head.size() - 4, "a")).problem, api::ProblemType::headers_too_large);
}

TEST(RequestParser, ListFieldsMayRepeat) {
  EXPECT_EQ(parse(get("Accept: a/b\r\nAccept: c/d\r\nPrefer: a\r\nPrefer: b\r\nCookie: a\r\nCookie: b\r\n")).state,
            State::complete);
}

TEST(RequestParser, TrailerFieldsDoNotCount) {
  const Parsed parsed =
      parse(chunked("1\r\na\r\n0\r\nAuthorization: Bearer x\r\nX-Customer-Id: c\r\nContent-Length: 9\r\n\r\n"));
  ASSERT_EQ(parsed.state, State::complete);
  EXPECT_EQ(header(parsed, api::Header::authorization), "");
  EXPECT_EQ(header(parsed, api::Header::customer_id), "");
}

}  // namespace
}  // namespace flashsale::http
