#include "io_thread.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <ctime>

#include "connection.hpp"

namespace flashsale::http {
namespace {

constexpr std::size_t kSpareBuffersMax = 64;
constexpr std::size_t kSpareBufferBytesMax = 64 * 1024;
// Connections over the limit that are being told so; beyond it they are closed without a word.
constexpr std::size_t kRefusingMax = 128;
constexpr std::chrono::milliseconds kSweepIntervalMin{10};
constexpr std::chrono::milliseconds kSweepIntervalMax{250};

/// Often enough that no timeout is overrun by more than a quarter.
std::chrono::milliseconds sweep_interval_of(const Options& options) {
  const auto shortest =
      std::min({options.header_timeout, options.body_timeout, options.idle_timeout, options.write_timeout});
  return std::clamp(shortest / 4, kSweepIntervalMin, kSweepIntervalMax);
}

}  // namespace

ServerState::ServerState(Options server_options, telemetry::Metrics& server_metrics, telemetry::Tracer* server_tracer)
    : options(std::move(server_options)),
      metrics(server_metrics),
      tracer(server_tracer),
      connections_gauge(server_metrics.connections(options.name)) {
  api::append_header(private_answer_fields, "Cache-Control", "no-store");
  if (options.cors_origin.empty()) return;
  api::append_header(every_answer_fields, "Access-Control-Allow-Origin", options.cors_origin);
  // config/nginx.conf says the same of what the edge answers itself.
  api::append_header(every_answer_fields, "Access-Control-Expose-Headers",
                     "Location, Retry-After, ETag, Idempotency-Replayed, RateLimit, RateLimit-Policy, X-Request-Id, "
                     "traceresponse");
  private_answer_fields += every_answer_fields;
  api::append_header(preflight_fields, "Access-Control-Allow-Headers",
                     "authorization, content-type, idempotency-key, if-none-match, prefer, queue-ticket, traceparent, "
                     "x-request-id");
  api::append_header(preflight_fields, "Access-Control-Max-Age", "600");
}

IoThread::IoThread(std::shared_ptr<ServerState> server, const Worker& worker)
    : server_(std::move(server)),
      context_(*worker.context),
      router_(*worker.routes),
      metrics_(server_->metrics, router_),
      request_log_(server_->options.name, server_->options.log_one_in, server_->options.trusted_proxies),
      sweep_timer_(context_),
      sweep_interval_(sweep_interval_of(server_->options)) {
  spare_buffers_.reserve(kSpareBuffersMax);
}

IoThread::~IoThread() = default;

std::string_view IoThread::date_field() { return dates_.field(std::time(nullptr)); }

void IoThread::serve(Socket socket, std::string peer_address) {
  if (is_closed_) {
    server_->connections.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket), std::move(peer_address), true);
  server_->connections_gauge.Increment();
  add(connection);
  connection->start();
}

void IoThread::refuse(Socket socket, std::string peer_address) {
  if (is_closed_ || refusing_ >= kRefusingMax) return;
  ++refusing_;
  auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket), std::move(peer_address), false);
  add(connection);
  connection->refuse();
}

void IoThread::add(std::shared_ptr<Connection> connection) {
  connection->table_index = connections_.size();
  connections_.push_back(std::move(connection));
  schedule_sweep();
}

void IoThread::remove(Connection& connection) {
  const std::size_t index = connection.table_index;
  removed_.push_back(std::move(connections_[index]));
  if (index + 1 != connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->table_index = index;
  }
  connections_.pop_back();
  if (connection.is_counted()) {
    server_->connections.fetch_sub(1, std::memory_order_relaxed);
    server_->connections_gauge.Decrement();
  } else {
    --refusing_;
  }
}

void IoThread::stop() { is_stopping_ = true; }

void IoThread::close_all() {
  is_stopping_ = is_closed_ = true;
  while (!connections_.empty()) connections_.back()->close();
}

void IoThread::shut_down() {
  close_all();
  removed_.clear();
  sweep_timer_.reset();
}

ByteBuffer IoThread::borrow_buffer() {
  if (spare_buffers_.empty()) return {};
  ByteBuffer buffer = std::move(spare_buffers_.back());
  spare_buffers_.pop_back();
  return buffer;
}

void IoThread::give_back(ByteBuffer buffer) {
  if (spare_buffers_.size() >= kSpareBuffersMax || buffer.capacity() > kSpareBufferBytesMax) return;
  spare_buffers_.push_back(std::move(buffer));
}

/// One timer for all connections costs less than one for each operation. It rests while there are none.
void IoThread::schedule_sweep() {
  if (is_sweep_scheduled_ || !sweep_timer_) return;
  is_sweep_scheduled_ = true;
  sweep_timer_->expires_after(sweep_interval_);
  sweep_timer_->async_wait([self = shared_from_this()](boost::system::error_code error) {
    self->is_sweep_scheduled_ = false;
    if (!error) self->sweep();
  });
}

void IoThread::sweep() {
  removed_.clear();
  const auto now = Connection::Clock::now();
  // Backwards, as a connection that closes is replaced in the table by the last one.
  for (std::size_t i = connections_.size(); i-- > 0;) {
    Connection& connection = *connections_[i];
    const bool is_shared = connections_[i].use_count() > 1;
    // Another thread may have been the last to let go; copying makes what it did there visible here.
    if (!is_shared) std::shared_ptr<Connection>(connections_[i]).reset();
    connection.check(now, is_shared);
  }
  if (!connections_.empty() || !removed_.empty()) schedule_sweep();
}

}  // namespace flashsale::http
