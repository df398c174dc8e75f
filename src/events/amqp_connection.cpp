#include "amqp_connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "amqp_library.hpp"

namespace flashsale::events {
namespace {

using std::chrono::milliseconds;

constexpr amqp_channel_t kChannel = 1;
constexpr int kHeartbeatSeconds = 30;
/// Of the connection and the TLS handshake, which cannot be interrupted.
constexpr milliseconds kConnectTime{3000};
/// Of one answer, such as to a login.
constexpr milliseconds kAnswerTime{5000};
constexpr milliseconds kCloseTime{500};
/// A socket that can be written to takes a third of this at least; so much is written at most without looking again.
constexpr int kSendBufferBytes = 393'216;
constexpr std::size_t kUnseenBytesMost = 65'536;
/// What is written and not acknowledged for so long ends the connection, even if somebody waits in a write.
constexpr unsigned kUserTimeoutMs = 20'000;
constexpr std::uint8_t kPersistent = 2;

std::string server_error(const amqp_method_t& method) {
  if (method.id == AMQP_CONNECTION_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_connection_close_t*>(method.decoded);
    return std::to_string(close->reply_code) + ' ' + text_of(close->reply_text);
  }
  if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_channel_close_t*>(method.decoded);
    return std::to_string(close->reply_code) + ' ' + text_of(close->reply_text);
  }
  return "an unexpected answer";
}

std::string reply_text(const amqp_rpc_reply_t& reply) {
  if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION) return server_error(reply.reply);
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) return amqp_error_string2(reply.library_error);
  return "no answer";
}

bool is_channel_close(const amqp_rpc_reply_t& reply) {
  return reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD;
}

amqp_table_entry_t entry(std::string_view key, std::string_view value) {
  amqp_table_entry_t made{};
  made.key = amqp_view(key);
  made.value.kind = AMQP_FIELD_KIND_UTF8;
  made.value.value.bytes = amqp_view(value);
  return made;
}

/// Trust in the certificates that are meant; false: they cannot be read.
bool set_trust(amqp_socket_t* socket, const std::string& ca_file) {
  amqp_ssl_socket_set_verify_peer(socket, 1);
  amqp_ssl_socket_set_verify_hostname(socket, 1);
  if (amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST) != AMQP_STATUS_OK) return false;
  if (!ca_file.empty()) return amqp_ssl_socket_set_cacert(socket, ca_file.c_str()) == AMQP_STATUS_OK;
  return SSL_CTX_set_default_verify_paths(static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket))) == 1;
}

void set_socket_options(int socket) {
  (void)::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof kUserTimeoutMs);
}

}  // namespace

AmqpAddress parse_amqp_url(const std::string& url) {
  std::string text = url;  // is written to
  amqp_connection_info parsed{};
  amqp_default_connection_info(&parsed);
  if (amqp_parse_url(text.data(), &parsed) != AMQP_STATUS_OK) {
    throw std::invalid_argument(
        "events.rabbitmq.url: must be amqp://user:password@host:port/vhost or amqps://…, with % escapes");
  }
  AmqpAddress address;
  address.host = parsed.host;
  address.port = parsed.port;
  address.user = parsed.user;
  address.password = parsed.password;
  address.vhost = *parsed.vhost == '\0' ? "/" : parsed.vhost;
  address.has_tls = parsed.ssl != 0;
  return address;
}

std::string AmqpConnection::open(const AmqpAddress& address, const std::string& exchange, Clock::time_point deadline) {
  drop();
  exchange_ = exchange;
  state_ = amqp_new_connection();
  if (state_ == nullptr) return "out of memory";
  const auto where = address.host + ':' + std::to_string(address.port);
  if (auto error = connect(address, deadline); !error.empty()) return lost(where + " cannot be reached: " + error);
  if (auto error = log_in(address); !error.empty()) return lost(where + ' ' + error);
  if (auto error = declare(); !error.empty()) return lost("exchange " + exchange + ": " + error);
  return {};
}

std::string AmqpConnection::connect(const AmqpAddress& address, Clock::time_point deadline) {
  auto* socket = address.has_tls ? amqp_ssl_socket_new(state_) : amqp_tcp_socket_new(state_);
  if (socket == nullptr) return "out of memory";
  if (address.has_tls && !set_trust(socket, address.ca_file))
    return "the certificates of those to trust are not usable";
  const auto answer_time = timeval_of(kAnswerTime);
  (void)amqp_set_handshake_timeout(state_, &answer_time);
  (void)amqp_set_rpc_timeout(state_, &answer_time);
  if (interrupted_) return "interrupted";
  const auto time = timeval_of(std::min<Clock::duration>(kConnectTime, deadline - Clock::now()));
  const int status = amqp_socket_open_noblock(socket, address.host.c_str(), address.port, &time);
  if (status != AMQP_STATUS_OK) return amqp_error_string2(status);
  const int opened = amqp_get_sockfd(state_);
  set_socket_options(opened);
  const std::lock_guard lock(socket_mutex_);
  if (interrupted_) return "interrupted";
  socket_ = opened;
  return {};
}

std::string AmqpConnection::log_in(const AmqpAddress& address) {
  // It is told then when RabbitMQ has blocked it, instead of finding its writes to wait.
  amqp_table_entry_t blocked{};
  blocked.key = amqp_view("connection.blocked");
  blocked.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  blocked.value.value.boolean = 1;
  std::array<amqp_table_entry_t, 2> properties{entry("connection_name", "flashsaled"), {}};
  properties[1].key = amqp_view("capabilities");
  properties[1].value.kind = AMQP_FIELD_KIND_TABLE;
  properties[1].value.value.table = {.num_entries = 1, .entries = &blocked};
  const amqp_table_t table{.num_entries = static_cast<int>(properties.size()), .entries = properties.data()};
  const auto reply =
      amqp_login_with_properties(state_, address.vhost.c_str(), 0, AMQP_DEFAULT_FRAME_SIZE, kHeartbeatSeconds, &table,
                                 AMQP_SASL_METHOD_PLAIN, address.user.c_str(), address.password.c_str());
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return {};
  const bool is_silent =
      reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION && reply.library_error == AMQP_STATUS_TIMEOUT;
  return is_silent ? std::string("does not answer") : "lets nobody in: " + reply_text(reply);
}

std::string AmqpConnection::open_channel() {
  (void)amqp_channel_open(state_, kChannel);
  return reply_error("channel.open");
}

/// Asks first: whoever is not allowed to declare an exchange may use one that is there.
std::string AmqpConnection::declare() {
  if (auto error = open_channel(); !error.empty()) return error;
  const auto name = amqp_view(exchange_);
  const auto type = amqp_view("topic");
  (void)amqp_exchange_declare(state_, kChannel, name, type, 1, 1, 0, 0, amqp_empty_table);
  if (const auto reply = amqp_get_rpc_reply(state_); reply.reply_type != AMQP_RESPONSE_NORMAL) {
    if (!is_channel_close(reply)) return reply_text(reply);
    amqp_channel_close_ok_t done{};
    if (amqp_send_method(state_, kChannel, AMQP_CHANNEL_CLOSE_OK_METHOD, &done) != AMQP_STATUS_OK) return "no answer";
    if (auto error = open_channel(); !error.empty()) return error;
    (void)amqp_exchange_declare(state_, kChannel, name, type, 0, 1, 0, 0, amqp_empty_table);
    if (auto error = reply_error("exchange.declare"); !error.empty()) return error;
  }
  (void)amqp_confirm_select(state_, kChannel);
  return reply_error("confirm.select");
}

std::string AmqpConnection::reply_error(const char* what) {
  const auto reply = amqp_get_rpc_reply(state_);
  return reply.reply_type == AMQP_RESPONSE_NORMAL ? std::string() : std::string(what) + ": " + reply_text(reply);
}

bool AmqpConnection::has_room() {
  if (unseen_bytes_ < kUnseenBytesMost) return true;
  pollfd poll{.fd = socket_, .events = POLLOUT, .revents = 0};
  if (::poll(&poll, 1, 0) != 1 || (poll.revents & POLLOUT) == 0) return false;
  unseen_bytes_ = 0;
  return true;
}

void AmqpConnection::wait_for_room(milliseconds time) {
  pollfd poll{.fd = socket_, .events = POLLOUT | POLLIN, .revents = 0};
  (void)::poll(&poll, 1, static_cast<int>(time.count()));
}

std::string AmqpConnection::publish(const Message& message) {
  static constexpr std::string_view kPrefix = "cloudEvents:";
  std::vector<std::string> names(message.attributes.size());
  std::vector<amqp_table_entry_t> headers(message.attributes.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i].append(kPrefix).append(message.attributes[i].name);
    headers[i] = entry(names[i], message.attributes[i].value);
  }
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
                      AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG;
  properties.content_type = amqp_view(kDataContentType);
  properties.delivery_mode = kPersistent;
  properties.message_id = amqp_view(message.id);
  properties.type = amqp_view(message.routing_key);
  properties.headers = {.num_entries = static_cast<int>(headers.size()), .entries = headers.data()};
  const int status = amqp_basic_publish(state_, kChannel, amqp_view(exchange_), amqp_view(message.routing_key), 1, 0,
                                        &properties, amqp_view(message.body));
  unseen_bytes_ += message.body.size() + 1024;
  return status == AMQP_STATUS_OK ? std::string() : lost(std::string("connection lost: ") + amqp_error_string2(status));
}

std::string AmqpConnection::read(Clock::time_point until, std::vector<AmqpNotice>& notices) {
  for (;;) {
    amqp_frame_t frame{};
    const auto time = timeval_of(notices.empty() ? until - Clock::now() : Clock::duration(0));
    const int status = amqp_simple_wait_frame_noblock(state_, &frame, &time);
    if (status == AMQP_STATUS_TIMEOUT) break;
    if (status != AMQP_STATUS_OK) return lost(std::string("connection lost: ") + amqp_error_string2(status));
    if (auto error = take(frame, notices); !error.empty()) return lost(std::move(error));
  }
  amqp_maybe_release_buffers(state_);
  return {};
}

std::string AmqpConnection::take(const amqp_frame_t& frame, std::vector<AmqpNotice>& notices) {
  if (frame.frame_type == AMQP_FRAME_METHOD) return take_method(frame, notices);
  if (frame.frame_type == AMQP_FRAME_HEADER && has_returned_) {
    has_returned_ = false;
    const auto* properties = static_cast<const amqp_basic_properties_t*>(frame.payload.properties.decoded);
    notices.push_back({.kind = AmqpNotice::Kind::unroutable, .text = text_of(properties->message_id)});
  }
  return {};
}

std::string AmqpConnection::take_method(const amqp_frame_t& frame, std::vector<AmqpNotice>& notices) {
  using Kind = AmqpNotice::Kind;
  const auto& method = frame.payload.method;
  switch (method.id) {
    case AMQP_BASIC_ACK_METHOD: {
      const auto* ack = static_cast<const amqp_basic_ack_t*>(method.decoded);
      notices.push_back({Kind::confirmed, ack->delivery_tag, ack->multiple != 0, {}});
      return {};
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto* nack = static_cast<const amqp_basic_nack_t*>(method.decoded);
      notices.push_back({Kind::refused, nack->delivery_tag, nack->multiple != 0, {}});
      return {};
    }
    case AMQP_BASIC_RETURN_METHOD: has_returned_ = true; return {};
    case AMQP_CONNECTION_BLOCKED_METHOD:
      notices.push_back({.kind = Kind::blocked,
                         .text = text_of(static_cast<const amqp_connection_blocked_t*>(method.decoded)->reason)});
      return {};
    case AMQP_CONNECTION_UNBLOCKED_METHOD: notices.push_back({.kind = Kind::unblocked, .text = {}}); return {};
    case AMQP_CHANNEL_CLOSE_METHOD:
    case AMQP_CONNECTION_CLOSE_METHOD: return "connection closed by RabbitMQ: " + server_error(method);
    default: return {};
  }
}

std::string AmqpConnection::lost(std::string why) {
  drop();
  if (interrupted_) why = "interrupted";
  return why;
}

void AmqpConnection::close() {
  if (state_ == nullptr) return;
  const auto time = timeval_of(kCloseTime);
  (void)amqp_set_rpc_timeout(state_, &time);
  if (!interrupted_) (void)amqp_connection_close(state_, AMQP_REPLY_SUCCESS);
  drop();
}

void AmqpConnection::drop() {
  {
    const std::lock_guard lock(socket_mutex_);
    socket_ = -1;
  }
  if (state_ != nullptr) (void)amqp_destroy_connection(std::exchange(state_, nullptr));
  has_returned_ = false;
  unseen_bytes_ = 0;
}

void AmqpConnection::interrupt() {
  const std::lock_guard lock(socket_mutex_);
  interrupted_ = true;
  if (socket_ >= 0) (void)::shutdown(socket_, SHUT_RDWR);
}

}  // namespace flashsale::events
