#include "flashsale/http/server.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

namespace flashsale::http {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Everything here happens within milliseconds; a second of silence on a loaded machine is not yet a failure.
constexpr auto kPatience = 10s;

struct Response {
  unsigned status = 0;  // 0: the connection ended before a whole response came
  std::string head;
  std::string body;

  [[nodiscard]] std::string field(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
  [[nodiscard]] bool closes() const { return field("Connection") == "close"; }
  [[nodiscard]] bool is_problem(const std::string& name) const {
    return field("Content-Type") == "application/problem+json" && body.find("/problems/" + name + "\"") != body.npos;
  }
};

class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer_bytes = 0) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer_bytes != 0) {
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    }
    const timeval patience{std::chrono::seconds(kPatience).count(), 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(fd_); }

  [[nodiscard]] bool is_connected() const { return is_connected_; }
  /// False when the peer has closed.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void finish_sending() const { shutdown(fd_, SHUT_WR); }
  void reset() const {
    const linger hard{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    shutdown(fd_, SHUT_RDWR);
  }

  Response receive(bool is_head = false) {
    Response response;
    while (received_.find("\r\n\r\n") == std::string::npos) {
      if (!more()) return {};
    }
    const std::size_t head_end = received_.find("\r\n\r\n") + 4;
    response.head = received_.substr(0, head_end - 2);
    const std::string length = response.field("Content-Length");
    const std::size_t body_bytes = is_head || length.empty() ? 0 : std::stoul(length);
    while (received_.size() < head_end + body_bytes) {
      if (!more()) return {};
    }
    response.body = received_.substr(head_end, body_bytes);
    received_.erase(0, head_end + body_bytes);
    response.status = static_cast<unsigned>(std::stoul(response.head.substr(9, 3)));
    return response;
  }
  Response exchange(std::string_view request) {
    send(request);
    return receive();
  }
  /// A body in chunks, put together; empty when it does not come to its end.
  std::string receive_chunked() {
    receive();
    std::string body;
    for (;;) {
      while (received_.find("\r\n") == std::string::npos) {
        if (!more()) return {};
      }
      const std::size_t line = received_.find("\r\n") + 2;
      const std::size_t bytes = std::stoul(received_, nullptr, 16);
      while (received_.size() < line + bytes + 2) {
        if (!more()) return {};
      }
      body += received_.substr(line, bytes);
      received_.erase(0, line + bytes + 2);
      if (bytes == 0) return body;
    }
  }
  /// All there is until the peer closes.
  std::string receive_all() {
    while (more()) {
    }
    return std::exchange(received_, {});
  }
  [[nodiscard]] bool was_clean() const { return was_clean_; }

  /// Waits for the peer to close in the ordinary way; not by a reset, nor with more bytes.
  bool is_closed_cleanly() { return received_.empty() && !more() && received_.empty() && was_clean_; }
  bool more() {
    char bytes[16384];
    const ssize_t count = recv(fd_, bytes, sizeof bytes, 0);
    was_clean_ = count == 0;
    if (count > 0) received_.append(bytes, static_cast<std::size_t>(count));
    return count > 0;
  }

 private:
  int fd_;
  bool is_connected_ = false;
  bool was_clean_ = false;
  std::string received_;
};

std::string get(const std::string& path, const std::string& fields = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}
std::string post(const std::string& path, const std::string& body, const std::string& fields = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + fields +
         "\r\n" + body;
}

class HttpServer : public testing::Test {
 protected:
  struct Loop {
    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work = make_work_guard(context);
    api::Routes routes;
    std::thread thread;
  };

  void SetUp() override {
    options_.name = "test";
    options_.address = "127.0.0.1";
    options_.port = 0;
  }

  void start(std::size_t threads = 1) {
    std::vector<Worker> workers;
    for (std::size_t i = 0; i < threads; ++i) {
      loops_.push_back(std::make_unique<Loop>());
      loops_.back()->routes = routes();
      workers.push_back({&loops_.back()->context, &loops_.back()->routes});
    }
    server_ = std::make_unique<Server>(options_, workers, metrics_);
    const Error error = server_->listen();
    ASSERT_FALSE(error) << error.message();
    for (const auto& loop : loops_) loop->thread = std::thread([&loop] { loop->context.run(); });
  }

  void TearDown() override {
    for (auto& background : backgrounds_) background.join();
    if (!server_) return;
    server_->abort();
    for (const auto& loop : loops_) loop->work.reset();
    // That the loops run dry shows that no connection or timer is left behind.
    for (const auto& loop : loops_) loop->thread.join();
    EXPECT_EQ(server_->connections(), 0U);
    server_.reset();
  }

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }

  template <class Condition>
  static bool eventually(Condition condition) {
    const auto end = Clock::now() + kPatience;
    while (!condition()) {
      if (Clock::now() > end) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }

  api::Routes routes() {
    const auto ok = [](api::Exchange& exchange, std::string_view body) {
      exchange.reply({.status = 200, .content_type = "text/plain", .body = body, .headers = {}});
    };
    return {
        {api::Method::get, "/hello", [ok](api::Exchange& exchange) { ok(exchange, "hello"); }},
        {api::Method::post, "/echo", [ok](api::Exchange& exchange) { ok(exchange, exchange.request().body); }},
        {api::Method::get, "/items/{a}/{b}",
         [ok](api::Exchange& exchange) {
           const auto& parameters = exchange.request().path_parameters;
           ok(exchange, std::string(parameters[0]) + "|" + std::string(parameters[1]));
         }},
        {api::Method::get, "/number/{n}",
         [ok](api::Exchange& exchange) { ok(exchange, exchange.request().path_parameters[0]); }},
        {api::Method::get, "/peer", [ok](api::Exchange& exchange) { ok(exchange, exchange.request().peer_address); }},
        {api::Method::get, "/large/{n}",
         [ok](api::Exchange& exchange) {
           ok(exchange, std::string(std::stoul(std::string(exchange.request().path_parameters[0])), 'x'));
         }},
        {api::Method::get, "/throw", [](api::Exchange&) { throw std::runtime_error("on purpose"); }},
        {api::Method::get, "/lose", [](api::Exchange&) {}},
        {api::Method::get, "/twice", [ok](api::Exchange& exchange) { ok(exchange, "once"), ok(exchange, "twice"); }},
        {api::Method::post, "/later/{n}", [this](api::Exchange& exchange) { reply_later(exchange); }},
        {api::Method::get, "/stream/{n}", [this](api::Exchange& exchange) { stream(exchange); }},
        {api::Method::get, "/held", [this](api::Exchange& exchange) { hold(exchange); }},
        {api::Method::get, "/watched",
         [this](api::Exchange& exchange) {
           hold(exchange);
           exchange.watch_client([this] { ++clients_gone_; });
         }},
    };
  }

  /// Answers from another thread, as a journal does.
  void reply_later(api::Exchange& exchange) {
    auto kept = exchange.shared_from_this();
    const std::lock_guard lock(mutex_);
    backgrounds_.emplace_back([kept = std::move(kept)]() mutable {
      std::this_thread::sleep_for(20ms);
      const auto executor = kept->executor();
      boost::asio::post(executor, [answered = std::move(kept)] {
        answered->reply({.status = 200, .content_type = "text/plain", .body = answered->request().body, .headers = {}});
      });
    });
  }

  /// n pieces of kPiece, from the loop; then the end, or a cut when n is odd.
  void stream(api::Exchange& exchange) {
    const auto left = std::stoul(std::string(exchange.request().path_parameters[0]));
    if (!exchange.begin_stream({.status = 200, .content_type = "text/plain", .body = {}, .headers = {}})) return;
    next_piece(exchange.shared_from_this(), left, left % 2 == 0);
  }
  void next_piece(const std::shared_ptr<api::Exchange>& exchange, std::size_t left, bool ends_well) {
    if (left == 0) return ends_well ? exchange->end_stream() : exchange->cut_stream();
    exchange->stream(kPiece, [this, exchange, left, ends_well](bool taken) {
      if (taken) return next_piece(exchange, left - 1, ends_well);
      ++streams_left_;
    });
  }

  void hold(api::Exchange& exchange) {
    const std::lock_guard lock(mutex_);
    held_.push_back(exchange.shared_from_this());
    ++held_count_;
  }
  std::vector<std::shared_ptr<api::Exchange>> take_held() {
    const std::lock_guard lock(mutex_);
    return std::exchange(held_, {});
  }
  void answer_held() {
    for (auto& exchange : take_held()) {
      const auto executor = exchange->executor();
      boost::asio::post(executor, [answered = std::move(exchange)] {
        answered->reply({.status = 200, .content_type = "text/plain", .body = "held", .headers = {}});
      });
    }
  }
  bool wait_for_held(int count = 1) {
    return eventually([&] { return held_count_ >= count; });
  }

  Options options_;
  telemetry::Metrics metrics_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::unique_ptr<Server> server_;
  std::mutex mutex_;
  std::vector<std::thread> backgrounds_;
  std::vector<std::shared_ptr<api::Exchange>> held_;
  std::atomic<int> held_count_{0};
  std::atomic<int> streams_left_{0};
  std::atomic<int> clients_gone_{0};
  const std::string kPiece = std::string(10'000, 'p');
};

TEST_F(HttpServer, KeepsConnectionsAlive) {
  start();
  Client client(port());
  for (int i = 0; i < 3; ++i) {
    const Response response = client.exchange(get("/hello"));
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(response.body, "hello");
    EXPECT_FALSE(response.closes());
    EXPECT_EQ(response.field("Date").size(), 29U);
    EXPECT_EQ(response.field("X-Request-Id").size(), 32U);
  }
  EXPECT_EQ(server_->connections(), 1U);
}

TEST_F(HttpServer, ClosesWhenTheClientAsks) {
  start();
  Client client(port());
  EXPECT_TRUE(client.exchange(get("/hello", "Connection: close\r\n")).closes());
  EXPECT_TRUE(client.is_closed_cleanly());
  Client old(port());
  EXPECT_TRUE(old.exchange("GET /hello HTTP/1.0\r\n\r\n").closes());
  EXPECT_TRUE(old.is_closed_cleanly());
  Client old_kept(port());
  EXPECT_EQ(old_kept.exchange("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").field("Connection"),
            "keep-alive");
  EXPECT_EQ(old_kept.exchange(get("/hello")).status, 200U);
}

TEST_F(HttpServer, AnswersPipelinedRequestsInOrder) {
  start();
  Client client(port());
  std::string requests;
  for (int i = 0; i < 300; ++i) {
    requests += i % 10 == 9 ? post("/later/x", std::to_string(i)) : get("/number/" + std::to_string(i));
  }
  client.send(requests);
  for (int i = 0; i < 300; ++i) ASSERT_EQ(client.receive().body, std::to_string(i));
}

TEST_F(HttpServer, AcceptsRequestsByteByByte) {
  start();
  Client client(port());
  for (const char c : post("/echo", "body") + get("/hello")) client.send({&c, 1});
  EXPECT_EQ(client.receive().body, "body");
  EXPECT_EQ(client.receive().body, "hello");
}

TEST_F(HttpServer, AcceptsLargeAndChunkedBodies) {
  start();
  Client client(port());
  const std::string body(options_.body_bytes_max, 'b');
  EXPECT_EQ(client.exchange(post("/echo", body)).body, body);
  std::string chunks;
  for (std::size_t at = 0; at < body.size(); at += 1000) {
    const std::string piece = body.substr(at, 1000);
    char size[16];
    snprintf(size, sizeof size, "%zx\r\n", piece.size());
    chunks += size + piece + "\r\n";
  }
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n" +
              get("/hello"));
  EXPECT_EQ(client.receive().body, body);
  EXPECT_EQ(client.receive().body, "hello");
}

TEST_F(HttpServer, PathParameters) {
  start();
  Client client(port());
  EXPECT_EQ(client.exchange(get("/items/a%2Fb/c?d")).body, "a/b|c");
  EXPECT_EQ(client.exchange(get("/items/a/%C3%A4%20")).body, "a|\xc3\xa4 ");
  const Response refused = client.exchange(get("/items/a/b%00"));
  EXPECT_EQ(refused.status, 400U);
  EXPECT_TRUE(refused.is_problem("malformed-request"));
  EXPECT_EQ(client.exchange(get("/hello")).status, 200U) << "only the path was wrong";
}

TEST_F(HttpServer, TellsUnknownPathsFromUnknownMethods) {
  start();
  Client client(port());
  const Response path = client.exchange(get("/nothing"));
  EXPECT_EQ(path.status, 404U);
  EXPECT_TRUE(path.is_problem("not-found"));
  EXPECT_EQ(client.exchange(get("/hello/")).status, 404U);
  const Response method = client.exchange(post("/hello", "x"));
  EXPECT_EQ(method.status, 405U);
  EXPECT_TRUE(method.is_problem("method-not-allowed"));
  EXPECT_EQ(method.field("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(client.exchange("BREW /echo HTTP/1.1\r\nHost: h\r\n\r\n").field("Allow"), "POST, OPTIONS");
}

TEST_F(HttpServer, HeadAndOptions) {
  start();
  Client client(port());
  client.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\nHEAD /nothing HTTP/1.1\r\nHost: h\r\n\r\n");
  const Response head = client.receive(true);
  EXPECT_EQ(head.status, 200U);
  EXPECT_EQ(head.field("Content-Length"), "5");
  EXPECT_EQ(client.receive(true).status, 404U);
  const Response options = client.exchange("OPTIONS /hello HTTP/1.1\r\nHost: h\r\nOrigin: https://a\r\n\r\n");
  EXPECT_EQ(options.status, 204U);
  EXPECT_EQ(options.field("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(options.field("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(client.exchange("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").status, 204U);
  EXPECT_EQ(client.exchange("OPTIONS /nothing HTTP/1.1\r\nHost: h\r\n\r\n").status, 404U);
}

TEST_F(HttpServer, CrossOrigin) {
  options_.cors_origin = "https://shop.example";
  start();
  Client client(port());
  const Response preflight = client.exchange(
      "OPTIONS /echo HTTP/1.1\r\nHost: h\r\nOrigin: https://shop.example\r\nAccess-Control-Request-Method: "
      "POST\r\n\r\n");
  EXPECT_EQ(preflight.status, 204U);
  EXPECT_EQ(preflight.field("Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(preflight.field("Access-Control-Allow-Methods"), "POST, OPTIONS");
  EXPECT_NE(preflight.field("Access-Control-Allow-Headers").find("idempotency-key"), std::string::npos);
  EXPECT_FALSE(preflight.field("Access-Control-Max-Age").empty());
  const Response simple = client.exchange(get("/nothing"));
  EXPECT_EQ(simple.field("Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_NE(simple.field("Access-Control-Expose-Headers").find("Location"), std::string::npos);
}

TEST_F(HttpServer, RequestIdIsTakenOrMade) {
  start();
  Client client(port());
  EXPECT_EQ(client.exchange(get("/hello", "X-Request-Id: mine-1\r\n")).field("X-Request-Id"), "mine-1");
  const std::string made = client.exchange(get("/hello", "X-Request-Id: not mine\r\n")).field("X-Request-Id");
  EXPECT_EQ(made.size(), 32U);
  EXPECT_NE(client.exchange(get("/hello")).field("X-Request-Id"), made);
  EXPECT_EQ(client.exchange(get("/peer")).body, "127.0.0.1");
}

TEST_F(HttpServer, RefusesWhatItCannotRead) {
  start();
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x00"), std::string("nonsense\r\n"), get("/hello", "Content-Length : 1\r\n"),
        get("/hello", "Transfer-Encoding: gzip, chunked\r\n"), std::string("GET / HTTP/2.0\r\n\r\n"),
        post("/echo", "x", "Transfer-Encoding: chunked\r\n"), get("/hello", "Expect: miracles\r\n")}) {
    Client client(port());
    client.send(get("/hello") + bytes + get("/hello"));
    EXPECT_EQ(client.receive().status, 200U);
    const Response response = client.receive();
    EXPECT_EQ(response.status, 400U) << bytes;
    EXPECT_TRUE(response.is_problem("malformed-request"));
    EXPECT_TRUE(response.closes());
    client.finish_sending();
    EXPECT_TRUE(client.is_closed_cleanly()) << bytes;
  }
}

TEST_F(HttpServer, Limits) {
  start();
  Client head(port());
  const Response large_head =
      head.exchange(get("/hello", "A: " + std::string(options_.header_bytes_max, 'a') + "\r\n"));
  EXPECT_EQ(large_head.status, 431U);
  EXPECT_TRUE(large_head.is_problem("headers-too-large"));
  EXPECT_TRUE(large_head.closes());
  Client body(port());
  // The body is sent although it is refused: the answer must not be lost to a reset.
  const Response large_body = body.exchange(post("/echo", std::string(1024 * 1024, 'a')));
  EXPECT_EQ(large_body.status, 413U);
  EXPECT_TRUE(large_body.is_problem("payload-too-large"));
  EXPECT_TRUE(large_body.closes());
  Client chunked(port());
  EXPECT_EQ(chunked.exchange("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n").status,
            413U);
}

TEST_F(HttpServer, ExpectContinue) {
  start();
  Client client(port());
  const std::string expect = "Expect: 100-continue\r\n";
  const auto head = [&](const std::string& path, std::size_t bytes) {
    return "POST " + path + " HTTP/1.1\r\nHost: h\r\n" + expect + "Content-Length: " + std::to_string(bytes) +
           "\r\n\r\n";
  };
  EXPECT_EQ(client.exchange(head("/echo", 4)).status, 100U);
  EXPECT_EQ(client.exchange("body").body, "body");
  EXPECT_EQ(client.exchange(head("/echo", 4) + "body").status, 200U) << "the body has come: nothing to ask for";
  Client large(port());
  EXPECT_EQ(large.exchange(head("/echo", 1 << 20)).status, 413U);
  Client nowhere(port());
  const Response unknown = nowhere.exchange(head("/nothing", 4));
  EXPECT_EQ(unknown.status, 404U);
  EXPECT_TRUE(unknown.closes());
  Client method(port());
  EXPECT_EQ(method.exchange(head("/hello", 4)).status, 405U);
}

TEST_F(HttpServer, SlowRequestsTimeOut) {
  options_.header_timeout = 100ms;
  options_.body_timeout = 100ms;
  start();
  Client head(port());
  head.send("GET /hello HTTP/1.1\r\nHost:");
  const Response slow_head = head.receive();
  EXPECT_EQ(slow_head.status, 408U);
  EXPECT_TRUE(slow_head.is_problem("request-timeout"));
  EXPECT_TRUE(slow_head.closes());
  Client body(port());
  body.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
  EXPECT_EQ(body.receive().status, 408U);
  // One byte at a time does not help.
  Client drip(port());
  const auto begin = Clock::now();
  while (drip.send("A") && Clock::now() - begin < kPatience) std::this_thread::sleep_for(10ms);
  EXPECT_LT(Clock::now() - begin, kPatience);
}

TEST_F(HttpServer, IdleConnectionsAreClosed) {
  options_.idle_timeout = 100ms;
  start();
  Client fresh(port());
  Client used(port());
  EXPECT_EQ(used.exchange(get("/hello")).status, 200U);
  EXPECT_TRUE(used.is_closed_cleanly());
  EXPECT_TRUE(fresh.is_closed_cleanly());
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
}

TEST_F(HttpServer, AHandlerMayTakeLongerThanTheTimeouts) {
  options_.header_timeout = options_.body_timeout = options_.idle_timeout = options_.write_timeout = 40ms;
  start();
  Client client(port());
  client.send(get("/held"));
  ASSERT_TRUE(wait_for_held());
  std::this_thread::sleep_for(200ms);
  answer_held();
  EXPECT_EQ(client.receive().body, "held");
}

TEST_F(HttpServer, AReaderThatDoesNotReadIsCutOff) {
  options_.write_timeout = 100ms;
  start();
  Client client(port(), 4096);
  client.send(get("/large/30000000"));
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
}

TEST_F(HttpServer, ASlowReaderGetsEverything) {
  start();
  Client client(port(), 4096);
  client.send(get("/large/3000000") + get("/hello") + get("/large/1000000") + get("/hello"));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(client.receive().body.size(), 3'000'000U);
  EXPECT_EQ(client.receive().body, "hello");
  EXPECT_EQ(client.receive().body.size(), 1'000'000U);
  EXPECT_EQ(client.receive().body, "hello");
}

TEST_F(HttpServer, AStreamComesInChunksAndTheConnectionIsKept) {
  start();
  Client client(port());
  client.send(get("/stream/300") + get("/hello"));
  const std::string body = client.receive_chunked();
  EXPECT_EQ(body.size(), 3'000'000U);
  EXPECT_EQ(body, std::string(body.size(), 'p'));
  EXPECT_EQ(client.receive().body, "hello");
  client.send(get("/stream/0") + get("/hello"));
  EXPECT_EQ(client.receive_chunked(), "");
  EXPECT_EQ(client.receive().body, "hello");
}

TEST_F(HttpServer, AStreamToAnOldClientEndsWithTheConnection) {
  start();
  Client client(port());
  client.send("GET /stream/30 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string all = client.receive_all();
  EXPECT_EQ(all.find("Transfer-Encoding"), std::string::npos);
  EXPECT_NE(all.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(all.size() - all.find("\r\n\r\n") - 4, 300'000U);
  EXPECT_TRUE(client.was_clean());
}

TEST_F(HttpServer, HeadOfAStream) {
  start();
  Client client(port());
  client.send("HEAD /stream/300 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.receive(true).field("Transfer-Encoding"), "chunked");
  EXPECT_EQ(client.exchange(get("/hello")).body, "hello");
}

TEST_F(HttpServer, AStreamThatIsCutDoesNotLookWhole) {
  start();
  Client client(port());
  client.send(get("/stream/31"));
  EXPECT_EQ(client.receive_chunked(), "");
  Client old(port());
  old.send("GET /stream/31 HTTP/1.0\r\n\r\n");
  (void)old.receive_all();
  EXPECT_FALSE(old.was_clean());
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
}

TEST_F(HttpServer, ASlowReaderGetsItsWholeStream) {
  start();
  Client client(port(), 4096);
  client.send(get("/stream/300"));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(client.receive_chunked().size(), 3'000'000U);
}

TEST_F(HttpServer, WhoWatchesAClientIsToldThatItHasGone) {
  start();
  {
    Client client(port());
    client.send(get("/watched"));
    ASSERT_TRUE(wait_for_held());
    EXPECT_EQ(clients_gone_, 0);
  }
  EXPECT_TRUE(eventually([&] { return clients_gone_ == 1 && server_->connections() == 0; }));
  answer_held();
}

TEST_F(HttpServer, AClientThatIsWatchedMaySendAhead) {
  start();
  Client client(port());
  client.send(get("/watched"));
  ASSERT_TRUE(wait_for_held());
  client.send(get("/hello"));
  answer_held();
  EXPECT_EQ(client.receive().body, "held");
  EXPECT_EQ(client.receive().body, "hello");
  client.send(get("/watched"));
  ASSERT_TRUE(wait_for_held(2));
  answer_held();
  EXPECT_EQ(client.receive().body, "held");
  EXPECT_EQ(clients_gone_, 0);
  EXPECT_EQ(client.exchange(get("/hello")).body, "hello");
}

TEST_F(HttpServer, AReaderThatLeavesAStreamEndsIt) {
  options_.write_timeout = 100ms;
  start();
  Client silent(port(), 4096);
  silent.send(get("/stream/3000"));
  {
    Client gone(port(), 4096);
    gone.send(get("/stream/3000"));
    gone.more();
    gone.reset();
  }
  EXPECT_TRUE(eventually([&] { return streams_left_ == 2 && server_->connections() == 0; }));
  Client other(port());
  EXPECT_EQ(other.exchange(get("/hello")).body, "hello");
}

TEST_F(HttpServer, ConnectionLimit) {
  options_.connections_max = 2;
  start(2);
  Client one(port());
  EXPECT_EQ(one.exchange(get("/hello")).status, 200U);
  {
    Client two(port());
    EXPECT_EQ(two.exchange(get("/hello")).status, 200U);
    for (int i = 0; i < 5; ++i) {
      Client three(port());
      const Response refused = three.exchange(get("/hello"));
      EXPECT_EQ(refused.status, 503U);
      EXPECT_TRUE(refused.is_problem("overloaded"));
      EXPECT_THAT(refused.field("Retry-After"), testing::AnyOf("1", "2", "3"));
      three.finish_sending();
      EXPECT_TRUE(three.is_closed_cleanly());
    }
  }
  EXPECT_TRUE(eventually([&] { return server_->connections() == 1; }));
  Client again(port());
  EXPECT_EQ(again.exchange(get("/hello")).status, 200U);
}

TEST_F(HttpServer, AnswersFromAnotherThread) {
  start(2);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<Client>(port()));
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < clients.size(); ++i) clients[i]->send(post("/later/x", std::to_string(i)));
    for (std::size_t i = 0; i < clients.size(); ++i) EXPECT_EQ(clients[i]->receive().body, std::to_string(i));
  }
}

TEST_F(HttpServer, AHalfClosedClientGetsItsAnswer) {
  start();
  Client client(port());
  client.send(post("/later/x", "body"));
  client.finish_sending();
  EXPECT_EQ(client.receive().body, "body");
  EXPECT_TRUE(client.is_closed_cleanly());
}

TEST_F(HttpServer, TheClientMayLeaveBeforeTheAnswer) {
  start(2);
  {
    Client client(port());
    client.send(get("/held"));
    Client broken(port());
    broken.send(get("/held"));
    ASSERT_TRUE(wait_for_held(2));
    broken.reset();
  }
  answer_held();
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
}

TEST_F(HttpServer, ALostRequestIsAnswered) {
  start();
  Client client(port());
  const Response lost = client.exchange(get("/lose"));
  EXPECT_EQ(lost.status, 500U);
  EXPECT_TRUE(lost.is_problem("internal-error"));
  EXPECT_TRUE(lost.closes());
  Client dropped(port());
  dropped.send(get("/held"));
  ASSERT_TRUE(wait_for_held());
  take_held();  // on this thread: the last owner is not on the connection's
  EXPECT_EQ(dropped.receive().status, 500U);
}

TEST_F(HttpServer, AThrowingHandlerIsAnswered) {
  start();
  Client client(port());
  const Response response = client.exchange(get("/throw"));
  EXPECT_EQ(response.status, 500U);
  EXPECT_TRUE(response.is_problem("internal-error"));
  EXPECT_EQ(response.body.find("on purpose"), std::string::npos);
}

TEST_F(HttpServer, ASecondAnswerIsDropped) {
  start();
  Client client(port());
  EXPECT_EQ(client.exchange(get("/twice")).body, "once");
  EXPECT_EQ(client.exchange(get("/hello")).body, "hello");
}

TEST_F(HttpServer, CountsRequests) {
  start();
  Client client(port());
  for (int i = 0; i < 3; ++i) client.exchange(get("/number/1"));
  client.exchange(get("/nothing"));
  const std::string text = metrics_.serialize();
  for (const char* line : {"flashsale_http_requests_total{route=\"/number/{n}\",status=\"200\"} 3\n",
                           "flashsale_http_requests_total{route=\"none\",status=\"404\"} 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(metrics_.connections("test").Value(), 1);
}

TEST_F(HttpServer, DrainingClosesConnectionsOneByOne) {
  start();
  Client client(port());
  EXPECT_FALSE(client.exchange(get("/hello")).closes());
  server_->start_draining();
  EXPECT_TRUE(client.exchange(get("/hello")).closes());
  EXPECT_TRUE(client.is_closed_cleanly());
  Client fresh(port());
  ASSERT_TRUE(fresh.is_connected());
  EXPECT_TRUE(fresh.exchange(get("/hello")).closes()) << "the listener still takes connections";
}

TEST_F(HttpServer, StopsGracefully) {
  start(2);
  Client idle(port());
  EXPECT_EQ(idle.exchange(get("/hello")).status, 200U);
  Client working(port());
  working.send(get("/held"));
  ASSERT_TRUE(wait_for_held());
  Client sending(port());
  sending.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
  Client unread(port());
  unread.send(get("/hello"));
  ASSERT_TRUE(eventually([&] { return server_->connections() == 4; }));
  server_->stop_accepting();
  EXPECT_TRUE(idle.is_closed_cleanly());
  EXPECT_EQ(unread.receive().status, 200U);
  EXPECT_TRUE(eventually([&] { return !Client(port()).is_connected(); }));
  const Response finished = sending.exchange("dy");
  EXPECT_EQ(finished.body, "body");
  EXPECT_TRUE(finished.closes());
  answer_held();
  const Response late = working.receive();
  EXPECT_EQ(late.body, "held");
  EXPECT_TRUE(late.closes());
  for (Client* client : {&working, &sending, &unread}) client->finish_sending();
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
}

TEST_F(HttpServer, AbortDropsEverything) {
  start(2);
  Client working(port());
  working.send(get("/held"));
  Client idle(port());
  EXPECT_EQ(idle.exchange(get("/hello")).status, 200U);
  ASSERT_TRUE(wait_for_held());
  server_->abort();
  EXPECT_TRUE(eventually([&] { return server_->connections() == 0; }));
  EXPECT_EQ(working.receive().status, 0U);
  answer_held();  // into nothing
}

TEST_F(HttpServer, AnExchangeMayOutliveTheServer) {
  start();
  {
    Client client(port());
    client.send(get("/held"));
    ASSERT_TRUE(wait_for_held());
  }
  TearDown();
  loops_.clear();
  for (const auto& exchange : take_held()) EXPECT_EQ(exchange->request().path, "/held");
}

TEST_F(HttpServer, WaitsWhenDescriptorsRunOut) {
  start();
  Client before(port());
  EXPECT_EQ(before.exchange(get("/hello")).status, 200U);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  // The client's own descriptor takes the last free number, and the server finds none for its end.
  const int probe = dup(0);
  close(probe);
  const rlimit tight{static_cast<rlim_t>(probe) + 1, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  Client waiting(port());
  EXPECT_TRUE(waiting.is_connected());
  EXPECT_TRUE(waiting.send(get("/hello")));
  rusage begin{}, end{};
  getrusage(RUSAGE_SELF, &begin);
  std::this_thread::sleep_for(300ms);
  getrusage(RUSAGE_SELF, &end);
  EXPECT_EQ(before.exchange(get("/hello")).status, 200U);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(waiting.receive().status, 200U);
  const auto ms = [](const timeval& time) { return time.tv_sec * 1000 + time.tv_usec / 1000; };
  EXPECT_LT(ms(end.ru_utime) + ms(end.ru_stime) - ms(begin.ru_utime) - ms(begin.ru_stime), 150) << "it spins";
  EXPECT_GE(metrics_.connections_refused("accept").Value(), 1);
}

TEST_F(HttpServer, ManyConnectionsOverTwoThreads) {
  start(2);
  std::vector<std::future<int>> clients;
  for (int c = 0; c < 8; ++c) {
    clients.push_back(std::async(std::launch::async, [this, c] {
      int right = 0;
      for (int i = 0; i < 10; ++i) {
        Client client(port());
        for (int j = 0; j < 10; ++j) {
          const std::string text = std::to_string(c * 100 + j);
          right += client.exchange(get("/number/" + text)).body == text ? 1 : 0;
        }
      }
      return right;
    }));
  }
  for (auto& client : clients) EXPECT_EQ(client.get(), 100);
}

TEST(HttpListen, ReportsWhatIsWrong) {
  telemetry::Metrics metrics;
  boost::asio::io_context context(1);
  const api::Routes routes;
  Options options;
  options.name = "test";
  options.address = "no address";
  EXPECT_TRUE(Server(options, {{&context, &routes}}, metrics).listen());
  options.address = "127.0.0.1";
  options.port = 0;
  Server first(options, {{&context, &routes}}, metrics);
  ASSERT_FALSE(first.listen());
  options.port = first.port();
  EXPECT_TRUE(Server(options, {{&context, &routes}}, metrics).listen());
}

}  // namespace
}  // namespace flashsale::http
