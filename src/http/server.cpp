#include "flashsale/http/server.hpp"

#include <boost/asio/post.hpp>

#include "flashsale/model/check.hpp"
#include "io_thread.hpp"
#include "listener.hpp"

namespace flashsale::http {

class Server::Impl {
 public:
  Impl(Options options, const std::vector<Worker>& workers, telemetry::Metrics& metrics, telemetry::Tracer* tracer)
      : state(std::make_shared<ServerState>(std::move(options), metrics, tracer)) {
    FLASHSALE_CHECK(!workers.empty());
    for (const Worker& worker : workers) threads.push_back(std::make_shared<IoThread>(state, worker));
    listener = std::make_shared<Listener>(*state, threads);
  }

  ~Impl() {
    listener->shut_down();
    for (const auto& thread : threads) thread->shut_down();
  }

  void close_listener() {
    boost::asio::post(threads.front()->context(), [kept = listener] { kept->close(); });
  }

  std::shared_ptr<ServerState> state;
  std::vector<std::shared_ptr<IoThread>> threads;
  std::shared_ptr<Listener> listener;
};

Server::Server(Options options, const std::vector<Worker>& workers, telemetry::Metrics& metrics,
               telemetry::Tracer* tracer)
    : impl_(std::make_unique<Impl>(std::move(options), workers, metrics, tracer)) {}

Server::~Server() = default;

Error Server::listen() {
  if (const Error error = impl_->listener->open()) return error;
  boost::asio::post(impl_->threads.front()->context(), [listener = impl_->listener] { listener->start(); });
  return {};
}

std::uint16_t Server::port() const { return impl_->listener->port(); }

void Server::stop_accepting() {
  impl_->close_listener();
  for (const auto& thread : impl_->threads) boost::asio::post(thread->context(), [thread] { thread->stop(); });
}

void Server::start_draining() { impl_->state->is_draining.store(true, std::memory_order_relaxed); }

std::size_t Server::connections() const { return impl_->state->connections.load(std::memory_order_relaxed); }

void Server::abort() {
  impl_->close_listener();
  for (const auto& thread : impl_->threads) boost::asio::post(thread->context(), [thread] { thread->close_all(); });
}

}  // namespace flashsale::http
