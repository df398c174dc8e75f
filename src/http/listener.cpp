#include "listener.hpp"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "flashsale/telemetry/log.hpp"

namespace flashsale::http {
namespace {

namespace asio = boost::asio;

constexpr int kBacklog = 4096;
constexpr std::chrono::milliseconds kRetryDelayMin{50};
constexpr std::chrono::milliseconds kRetryDelayMax{1000};

/// The address as settings write it: a v4 client of a dual-stack socket is a v4 client.
std::string to_text(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

}  // namespace

Listener::Listener(ServerState& server, std::vector<std::shared_ptr<IoThread>> threads)
    : server_(server), threads_(std::move(threads)), retry_timer_(threads_.front()->context()) {}

Error Listener::open() {
  Error error;
  const asio::ip::address address = asio::ip::make_address(server_.options.address, error);
  if (error) return error;
  const Tcp::endpoint endpoint(address, server_.options.port);
  Acceptor acceptor(threads_.front()->context());
  const auto try_to = [&error](auto step) {
    if (!error) step();
  };
  try_to([&] { acceptor.open(endpoint.protocol(), error); });
  try_to([&] { acceptor.set_option(Acceptor::reuse_address(true), error); });
  try_to([&] {
    if (address.is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
  });
  try_to([&] { acceptor.bind(endpoint, error); });
  try_to([&] { acceptor.listen(kBacklog, error); });
  try_to([&] { port_ = acceptor.local_endpoint(error).port(); });
  if (!error) acceptor_.emplace(std::move(acceptor));
  return error;
}

void Listener::accept() {
  if (!acceptor_) return;
  next_socket_.emplace(threads_[next_thread_]->context());
  acceptor_->async_accept(*next_socket_, next_peer_,
                          [self = shared_from_this()](boost::system::error_code error) { self->on_accepted(error); });
}

void Listener::on_accepted(boost::system::error_code error) {
  if (!acceptor_ || error == asio::error::operation_aborted) return;
  if (error && error != asio::error::connection_aborted) return back_off(error);
  retry_delay_ = std::chrono::milliseconds{0};
  if (!error) hand_over();
  accept();
}

/// Most likely there are no descriptors left. The connection stays in the kernel's queue, so accepting at once would
/// fail at once, without end.
void Listener::back_off(boost::system::error_code error) {
  if (retry_delay_.count() == 0) {
    server_.metrics.connections_refused("accept").Increment();
    telemetry::log_error("cannot accept connections", {{"listener", server_.options.name}, {"error", error.message()}});
  }
  retry_delay_ = std::clamp(retry_delay_ * 2, kRetryDelayMin, kRetryDelayMax);
  retry_timer_->expires_after(retry_delay_);
  retry_timer_->async_wait([self = shared_from_this()](boost::system::error_code timer_error) {
    if (!timer_error) self->accept();
  });
}

void Listener::hand_over() {
  const bool is_over = server_.connections.fetch_add(1, std::memory_order_relaxed) >= server_.options.connections_max;
  if (is_over) {
    server_.connections.fetch_sub(1, std::memory_order_relaxed);
    server_.metrics.connections_refused("limit").Increment();
  }
  std::shared_ptr<IoThread> thread = threads_[next_thread_];
  next_thread_ = (next_thread_ + 1) % threads_.size();
  asio::dispatch(thread->context(), [thread, is_over, socket = std::move(*next_socket_),
                                     peer = to_text(next_peer_.address())]() mutable {
    is_over ? thread->refuse(std::move(socket), std::move(peer)) : thread->serve(std::move(socket), std::move(peer));
  });
  next_socket_.reset();
}

void Listener::close() {
  if (!acceptor_) return;
  Error error;
  acceptor_->cancel(error);
  acceptor_->non_blocking(true, error);
  for (int i = 0; !error && i < kBacklog; ++i) {
    next_socket_.emplace(threads_[next_thread_]->context());
    acceptor_->accept(*next_socket_, next_peer_, error);
    if (!error) hand_over();
  }
  acceptor_->close(error);
  acceptor_.reset();
  retry_timer_->cancel();
}

void Listener::shut_down() {
  acceptor_.reset();
  next_socket_.reset();
  retry_timer_.reset();
}

}  // namespace flashsale::http
