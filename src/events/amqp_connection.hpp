#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "attributes.hpp"

struct amqp_connection_state_t_;
struct amqp_frame_t_;

namespace flashsale::events {

/// Where RabbitMQ is, and as whom.
struct AmqpAddress {
  std::string host;
  int port = 5672;
  std::string user;
  std::string password;
  std::string vhost;
  bool has_tls = false;
  std::string ca_file;  ///< empty: the system's
};

/// Throws std::invalid_argument with one clear line that does not repeat a password; start-up only.
[[nodiscard]] AmqpAddress parse_amqp_url(const std::string& url);

/// What RabbitMQ says without being asked.
struct AmqpNotice {
  enum class Kind : std::uint8_t { confirmed, refused, unroutable, blocked, unblocked };
  Kind kind = Kind::confirmed;
  std::uint64_t number = 0;  ///< of the message
  bool multiple = false;     ///< of all up to it
  std::string text;          ///< unroutable: the message's id; blocked: why
};

/// One connection with one channel, on which what is published gets confirmed. One thread, but interrupt() from any.
/// Errors are texts for whoever operates it, empty if all is well; after one the connection is closed.
class AmqpConnection {
 public:
  using Clock = std::chrono::steady_clock;
  struct Message {
    std::string_view id;
    std::string_view routing_key;
    std::string_view body;
    const std::vector<Attribute>& attributes;
  };

  AmqpConnection() = default;
  ~AmqpConnection() { drop(); }
  AmqpConnection(const AmqpConnection&) = delete;
  AmqpConnection& operator=(const AmqpConnection&) = delete;

  [[nodiscard]] bool is_open() const { return state_ != nullptr; }
  /// The exchange is declared if it is not there.
  [[nodiscard]] std::string open(const AmqpAddress& address, const std::string& exchange, Clock::time_point deadline);
  /// Whether a message of usual size can be published without waiting.
  [[nodiscard]] bool has_room();
  [[nodiscard]] std::string publish(const Message& message);
  /// What has been said, waiting until then for the first of it. Keeps the connection alive, too.
  [[nodiscard]] std::string read(Clock::time_point until, std::vector<AmqpNotice>& notices);
  /// Until there is room, something was said, or the time is over.
  void wait_for_room(std::chrono::milliseconds time);
  /// In good order, if that takes no time worth the name.
  void close();
  /// At once.
  void drop();

  /// Ends whatever waits, and each later open(), until allow().
  void interrupt();
  void allow() { interrupted_ = false; }
  [[nodiscard]] bool is_interrupted() const { return interrupted_; }

 private:
  [[nodiscard]] std::string connect(const AmqpAddress& address, Clock::time_point deadline);
  [[nodiscard]] std::string log_in(const AmqpAddress& address);
  [[nodiscard]] std::string declare();
  [[nodiscard]] std::string open_channel();
  [[nodiscard]] std::string reply_error(const char* what);
  [[nodiscard]] std::string take(const amqp_frame_t_& frame, std::vector<AmqpNotice>& notices);
  [[nodiscard]] std::string take_method(const amqp_frame_t_& frame, std::vector<AmqpNotice>& notices);
  [[nodiscard]] std::string lost(std::string why);

  amqp_connection_state_t_* state_ = nullptr;
  std::string exchange_;
  bool has_returned_ = false;     ///< the head of a message that came back is next
  std::size_t unseen_bytes_ = 0;  ///< written since there was room

  std::mutex socket_mutex_;
  int socket_ = -1;  ///< for interrupt()
  std::atomic<bool> interrupted_{false};
};

}  // namespace flashsale::events
