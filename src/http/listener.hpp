#pragma once
#include <boost/asio/basic_socket_acceptor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "flashsale/model/result.hpp"
#include "io_thread.hpp"

namespace flashsale::http {

/// Accepts on the first thread's loop and hands each connection to the next thread in turn, which spreads them evenly
/// and leaves one place to stop. When the process runs out of descriptors it waits instead of spinning.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(ServerState& server, std::vector<std::shared_ptr<IoThread>> threads);

  /// From any thread, before start().
  [[nodiscard]] Error open();
  [[nodiscard]] std::uint16_t port() const { return port_; }

  // On the first thread:
  void start() { accept(); }
  /// What the kernel has already accepted for us is served; closing would reset it.
  void close();
  /// Only while the loop does not run.
  void shut_down();

 private:
  using Tcp = boost::asio::ip::tcp;
  using Acceptor = boost::asio::basic_socket_acceptor<Tcp, boost::asio::io_context::executor_type>;

  void accept();
  void on_accepted(boost::system::error_code error);
  void back_off(boost::system::error_code error);
  void hand_over();

  ServerState& server_;
  std::vector<std::shared_ptr<IoThread>> threads_;
  std::optional<Acceptor> acceptor_;  // empty: closed
  std::optional<Timer> retry_timer_;
  std::optional<Socket> next_socket_;
  Tcp::endpoint next_peer_;
  std::size_t next_thread_ = 0;
  std::chrono::milliseconds retry_delay_{0};  // 0: the last accept went well
  std::uint16_t port_ = 0;
};

}  // namespace flashsale::http
