#include "connection_pool.hpp"

#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "clock.hpp"
#include "flashsale/model/check.hpp"

namespace flashsale::load {
namespace {

constexpr std::size_t kInputBytes = 64 * 1024;
constexpr std::size_t kEventsMax = 256;
constexpr std::uint64_t kRestNs = 20 * kMillisecondNs;

int open_socket(const Target& target) {
  const int fd = ::socket(target.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* const address = reinterpret_cast<const sockaddr*>(&target.address);
  if (::connect(fd, address, target.address_size) == 0 || errno == EINPROGRESS) return fd;
  ::close(fd);
  return -1;
}

bool is_connected(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

/// Bytes sent, 0 when the socket is full, negative when it is broken.
ssize_t send_some(int fd, std::string_view text) {
  for (;;) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return -1;
  }
}

}  // namespace

ConnectionPool::ConnectionPool(std::vector<Target> targets, std::size_t connections_max, std::uint64_t timeout_ns,
                               ConnectionListener& listener)
    : targets_(std::move(targets)),
      timeout_ns_(timeout_ns),
      listener_(listener),
      epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)),
      connections_(connections_max),
      idle_(targets_.size()),
      resting_until_ns_(targets_.size()),
      input_(kInputBytes) {
  FLASHSALE_CHECK(epoll_fd_ >= 0 && !targets_.empty());
  for (std::size_t i = connections_max; i > 0; --i) closed_.push_back(static_cast<ConnectionIndex>(i - 1));
}

ConnectionPool::~ConnectionPool() {
  for (const Connection& connection : connections_) {
    if (connection.fd >= 0) ::close(connection.fd);
  }
  ::close(epoll_fd_);
}

std::optional<ConnectionIndex> ConnectionPool::take_idle(std::size_t target) {
  std::vector<ConnectionIndex>& idle = idle_[target];
  while (!idle.empty()) {
    const ConnectionIndex index = idle.back();
    idle.pop_back();
    if (connections_[index].state == State::idle && connections_[index].target == target) return index;
  }
  return std::nullopt;
}

std::optional<ConnectionIndex> ConnectionPool::acquire() {
  const std::size_t count = targets_.size();
  const std::size_t first = turn_++ % count;
  auto found = take_idle(first);
  if (!found) found = open(first);
  for (std::size_t i = 1; !found && i < count; ++i) found = take_idle((first + i) % count);
  for (std::size_t i = 1; !found && i < count; ++i) found = open((first + i) % count);
  if (found) ++busy_;
  return found;
}

std::optional<ConnectionIndex> ConnectionPool::open(std::size_t target) {
  if (closed_.empty()) return std::nullopt;
  if (resting_until_ns_[target] != 0) {
    const std::uint64_t now = now_ns();
    if (now < resting_until_ns_[target]) return std::nullopt;
    resting_until_ns_[target] = now + kRestNs;  // one attempt at a time until one succeeds
  }
  const ConnectionIndex index = closed_.back();
  closed_.pop_back();
  Connection& connection = connections_[index];
  ++connection.generation;
  ++opened_;
  connection.target = static_cast<std::uint16_t>(target);
  connection.state = State::connecting;
  connection.waits_to_write = true;
  connection.fd = open_socket(targets_[target]);
  if (connection.fd >= 0) watch(index, EPOLL_CTL_ADD);
  return index;
}

void ConnectionPool::watch(ConnectionIndex index, int operation) {
  const Connection& connection = connections_[index];
  epoll_event event{};
  event.events = connection.waits_to_write ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = (std::uint64_t{connection.generation} << 32) | index;
  FLASHSALE_CHECK(::epoll_ctl(epoll_fd_, operation, connection.fd, &event) == 0);
}

void ConnectionPool::close(ConnectionIndex index) {
  Connection& connection = connections_[index];
  if (connection.fd >= 0) ::close(connection.fd);
  connection.fd = -1;
  connection.state = State::closed;
  connection.unsent.clear();
  connection.received.clear();
  closed_.push_back(index);
}

void ConnectionPool::lose(ConnectionIndex index, Outcome outcome) {
  if (outcome == Outcome::connect_failed) resting_until_ns_[connections_[index].target] = now_ns() + kRestNs;
  close(index);
  --busy_;
  listener_.on_lost(index, outcome);
}

void ConnectionPool::release(ConnectionIndex index, bool closes) {
  --busy_;
  if (closes) return close(index);
  connections_[index].state = State::idle;
  idle_[connections_[index].target].push_back(index);
}

void ConnectionPool::send(ConnectionIndex index, std::string_view request, std::uint64_t now_ns) {
  Connection& connection = connections_[index];
  connection.deadline_ns = now_ns + timeout_ns_;
  if (connection.fd < 0) return lose(index, Outcome::connect_failed);
  if (connection.state == State::connecting) {
    connection.unsent = request;
    return;
  }
  connection.state = State::busy;
  const ssize_t sent = send_some(connection.fd, request);
  if (sent < 0) return lose(index, Outcome::connection_lost);
  if (static_cast<std::size_t>(sent) == request.size()) return;
  connection.unsent = request.substr(static_cast<std::size_t>(sent));
  connection.waits_to_write = true;
  watch(index, EPOLL_CTL_MOD);
}

void ConnectionPool::wait(std::uint64_t timeout_ns) {
  std::array<epoll_event, kEventsMax> events;
  timespec timeout{};
  timeout.tv_sec = static_cast<time_t>(timeout_ns / kSecondNs);
  timeout.tv_nsec = static_cast<long>(timeout_ns % kSecondNs);
  const int count = ::epoll_pwait2(epoll_fd_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < count; ++i) on_event(events[static_cast<std::size_t>(i)]);
}

void ConnectionPool::on_event(const epoll_event& event) {
  const auto index = static_cast<ConnectionIndex>(event.data.u64);
  Connection& connection = connections_[index];
  const std::uint32_t generation = connection.generation;
  if (generation != static_cast<std::uint32_t>(event.data.u64 >> 32) || connection.fd < 0) return;
  if (connection.waits_to_write && (event.events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) on_writable(index);
  if (connection.fd < 0 || connection.generation != generation || connection.state == State::connecting) return;
  if ((event.events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) on_readable(index);
}

void ConnectionPool::on_writable(ConnectionIndex index) {
  Connection& connection = connections_[index];
  if (connection.state == State::connecting) {
    if (!is_connected(connection.fd)) return lose(index, Outcome::connect_failed);
    connection.state = State::busy;
    resting_until_ns_[connection.target] = 0;
  }
  const ssize_t sent = send_some(connection.fd, connection.unsent);
  if (sent < 0) return lose(index, Outcome::connection_lost);
  connection.unsent.erase(0, static_cast<std::size_t>(sent));
  if (!connection.unsent.empty()) return;
  connection.waits_to_write = false;
  watch(index, EPOLL_CTL_MOD);
}

void ConnectionPool::on_readable(ConnectionIndex index) {
  Connection& connection = connections_[index];
  const ssize_t size = ::recv(connection.fd, input_.data(), input_.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return connection.state == State::busy ? lose(index, Outcome::connection_lost) : close(index);
  // Bytes that nobody asked for: a server's last words on an idle connection (408).
  if (connection.state != State::busy) return close(index);
  const std::string_view bytes(input_.data(), static_cast<std::size_t>(size));
  if (connection.received.empty()) return on_bytes(index, bytes);
  connection.received += bytes;
  const std::string together = std::move(connection.received);
  connection.received.clear();
  on_bytes(index, together);
}

void ConnectionPool::on_bytes(ConnectionIndex index, std::string_view bytes) {
  const Response response = parse_response(bytes);
  switch (response.state) {
    case Response::State::malformed: return lose(index, Outcome::protocol_error);
    case Response::State::incomplete: connections_[index].received = bytes; return;
    case Response::State::complete: break;
  }
  if (response.size != bytes.size()) return lose(index, Outcome::protocol_error);
  // Answered before the whole request was sent: its rest would begin the next one.
  release(index, response.closes || connections_[index].waits_to_write);
  listener_.on_response(index, response);
}

void ConnectionPool::expire(std::uint64_t now_ns) {
  for (ConnectionIndex index = 0; index < connections_.size(); ++index) {
    const Connection& connection = connections_[index];
    const bool is_waiting = connection.state == State::busy || connection.state == State::connecting;
    if (!is_waiting || connection.deadline_ns > now_ns) continue;
    lose(index, connection.state == State::connecting ? Outcome::connect_failed : Outcome::timed_out);
  }
}

}  // namespace flashsale::load
