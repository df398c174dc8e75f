#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

#include "flashsale/postgres/connecting.hpp"
#include "flashsale/postgres/error.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/redis/connecting.hpp"
#include "flashsale/redis/error.hpp"
#include "flashsale/redis/sync_client.hpp"

namespace flashsale {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Whoever connects is let in by the kernel, and never hears a word.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_, generic, size) != 0 || ::listen(socket_, 8) != 0 ||
        ::getsockname(socket_, generic, &size) != 0) {
      throw std::runtime_error("no socket to listen on");
    }
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { close(); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] bool has_client() const {
    const int client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) ::close(client);
    return client >= 0;
  }
  /// Those who wait are told so.
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

class ConnectingTest : public ::testing::Test {
 protected:
  void TearDown() override {
    postgres::give_up_connecting_at(Clock::time_point::max());
    redis::give_up_connecting_at(Clock::time_point::max());
  }
  [[nodiscard]] postgres::Session session() const {
    postgres::Options options;
    options.url = "postgresql://somebody@127.0.0.1:" + std::to_string(server.port()) + "/shop?sslmode=disable";
    options.connect_timeout = 10min;
    return {options, "test"};
  }
  static bool wait_until(const std::function<bool()>& is_so) {
    for (int i = 0; i < 3000 && !is_so(); ++i) std::this_thread::sleep_for(20ms);
    return is_so();
  }

  SilentServer server;
};

TEST_F(ConnectingTest, NobodyWaitsForPostgresqlWhenTheProcessEnds) {
  auto waiting = session();
  auto connected = std::async(std::launch::async, [&waiting] { return waiting.connect(); });
  ASSERT_TRUE(wait_until(postgres::is_still_connecting));
  EXPECT_EQ(connected.wait_for(300ms), std::future_status::timeout);
  postgres::give_up_connecting_at(Clock::now());
  const bool has_ended = connected.wait_for(60s) == std::future_status::ready;
  EXPECT_TRUE(postgres::is_still_connecting()) << "libpq cannot be interrupted";
  auto late = session();
  EXPECT_EQ(late.connect(), postgres::make_error_code(postgres::Failure::unavailable));
  EXPECT_TRUE(server.has_client());
  EXPECT_FALSE(server.has_client()) << "none begins any more";
  server.close();
  ASSERT_TRUE(has_ended);
  EXPECT_EQ(connected.get(), postgres::make_error_code(postgres::Failure::unavailable));
  EXPECT_TRUE(wait_until([] { return !postgres::is_still_connecting(); }));
}

TEST_F(ConnectingTest, NobodyConnectsToRedisWhenTheProcessEnds) {
  redis::Options options;
  options.address.host = "127.0.0.1";
  options.address.port = server.port();
  redis::SyncClient client(options, "test");
  redis::give_up_connecting_at(Clock::now());
  EXPECT_EQ(client.connect(), redis::make_error_code(redis::Failure::unavailable));
  EXPECT_FALSE(server.has_client());
  redis::give_up_connecting_at(Clock::time_point::max());
  EXPECT_EQ(client.connect(), redis::make_error_code(redis::Failure::unavailable));
  EXPECT_TRUE(server.has_client());
}

}  // namespace
}  // namespace flashsale
