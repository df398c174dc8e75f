#include "flashsale/redis/connection.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <optional>
#include <utility>

#include "flashsale/redis/error.hpp"
#include "flashsale/telemetry/log.hpp"
#include "handshake.hpp"
#include "refusal.hpp"
#include "script.hpp"

namespace flashsale::redis {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSweepInterval{20};
constexpr std::chrono::milliseconds kBackOffMin{50};
constexpr std::chrono::milliseconds kBackOffMax{1000};
constexpr std::size_t kReadBytes = 64 * 1024;
/// Commands under way on one connection. Callers bound themselves far below; this is the last line.
constexpr std::size_t kCallsMax = 65'536;

struct FreeReader {
  void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
};

}  // namespace

class Connection::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& context, Options options, telemetry::Metrics& metrics)
      : context_(context),
        options_(std::move(options)),
        resolver_(context),
        socket_(context),
        sweep_timer_(context),
        retry_timer_(context),
        errors_(metrics.dependency_errors("redis", "connection")),
        timeouts_(metrics.dependency_errors("redis", "timeout")),
        refusals_(metrics.dependency_errors("redis", "refused")) {}

  void start() {
    connect();
    sweep();
  }

  void stop() {
    stopped_ = true;
    resolver_.cancel();
    sweep_timer_.cancel();
    retry_timer_.cancel();
    close_socket();
    fail_all();
    for (const auto& call : std::exchange(orphans_, {})) fail(call);
  }

  void reconnect() { lose("the server's identity has changed"); }

  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] const std::string& identity() const { return identity_; }
  [[nodiscard]] std::uint64_t generation() const { return generation_; }

  void call(const Command& command, Callback callback, Callback late) {
    if (!ready_ || calls_.size() + orphans_.size() >= kCallsMax) {
      asio::post(context_, [callback = std::move(callback)] { callback(Failure::unavailable, ReplyView{}); });
      return;
    }
    send(command, std::move(callback), std::move(late), options_.timeout);
  }

 private:
  /// One command whose reply is awaited. After a timeout it stays as a tombstone, so that replies keep in step.
  struct Call {
    Callback callback;
    Callback late;
    Clock::time_point deadline;
    bool timed_out = false;
  };

  void send(const Command& command, Callback callback, Callback late, std::chrono::milliseconds timeout) {
    outgoing_ += command.wire();
    calls_.push_back({std::move(callback), std::move(late), Clock::now() + timeout});
    if (writing_ || write_posted_) return;
    // All commands of this turn of the loop go out in one write.
    write_posted_ = true;
    asio::post(context_, [self = shared_from_this(), generation = generation_] {
      if (generation != self->generation_) return;
      self->write_posted_ = false;
      self->write();
    });
  }

  void write() {
    if (writing_ || outgoing_.empty()) return;
    writing_ = true;
    in_write_.clear();
    in_write_.swap(outgoing_);
    asio::async_write(socket_, asio::buffer(in_write_),
                      [self = shared_from_this(), generation = generation_](const Error& error, std::size_t) {
                        if (generation != self->generation_) return;
                        self->writing_ = false;
                        if (error) return self->lose("write failed: " + error.message());
                        self->write();
                      });
  }

  void read() {
    socket_.async_read_some(asio::buffer(in_read_), [self = shared_from_this(), generation = generation_](
                                                        const Error& error, std::size_t bytes) {
      if (generation != self->generation_) return;
      if (error) return self->lose("read failed: " + error.message());
      self->decode(bytes);
    });
  }

  void decode(std::size_t bytes) {
    const auto generation = generation_;
    if (redisReaderFeed(reader_.get(), in_read_.data(), bytes) != REDIS_OK) return lose("reply cannot be decoded");
    for (;;) {
      void* raw = nullptr;
      if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) return lose("reply cannot be decoded");
      if (!raw) break;
      const OwnedReply reply(static_cast<redisReply*>(raw));
      if (calls_.empty()) return lose("reply without a command");
      complete(ReplyView(reply.get()));
      if (generation != generation_) return;  // a callback, or the reply itself, ended this connection
    }
    read();
  }

  void complete(ReplyView reply) {
    Call call = std::move(calls_.front());
    calls_.pop_front();
    const auto error = reply.is_error() ? refused(reply.text()) : Error{};
    auto& callback = call.timed_out ? call.late : call.callback;
    const auto generation = generation_;
    if (callback) callback(error, reply);
    if (generation != generation_) return;  // the callback has ended this connection
    if (reply.is_error() && judge(reply.text()) == Refusal::wrong_server) {
      lose("server refuses: " + std::string(reply.text()));
    }
  }

  Error refused(std::string_view error) {
    refusals_.Increment();
    if (judge(error) == Refusal::script_missing) {
      load_scripts();
      return Failure::script_missing;
    }
    telemetry::log_warn("redis refused a command", {{"error", error}});
    return Failure::unavailable;
  }

  // --- connecting ---

  void connect() {
    ++generation_;
    reader_.reset(redisReaderCreate());
    socket_ = tcp::socket(context_);
    connect_deadline_ = Clock::now() + options_.connect_timeout;
    connecting_ = true;
    resolver_.async_resolve(options_.address.host, std::to_string(options_.address.port),
                            [self = shared_from_this(), generation = generation_](
                                const Error& error, const tcp::resolver::results_type& found) {
                              if (generation != self->generation_) return;
                              if (error) return self->lose("host name not resolved: " + error.message());
                              self->open(found);
                            });
  }

  void open(const tcp::resolver::results_type& endpoints) {
    asio::async_connect(
        socket_, endpoints,
        [self = shared_from_this(), generation = generation_](const Error& error, const tcp::endpoint&) {
          if (generation != self->generation_) return;
          if (error) return self->lose("connect failed: " + error.message());
          Error ignored;
          self->socket_.set_option(tcp::no_delay(true), ignored);
          self->read();
          self->shake_hands();
        });
  }

  void shake_hands() {
    handshake_.emplace(options_);
    for (const auto& command : handshake_->commands()) {
      const auto taken = [self = shared_from_this(), generation = generation_](const Error& error, ReplyView reply) {
        if (generation == self->generation_) self->take_handshake(error, reply);
      };
      send(command, taken, {}, options_.connect_timeout);
    }
  }

  void take_handshake(const Error& error, ReplyView reply) {
    if (error && !reply.is_error()) return lose("handshake not answered");
    handshake_->take(reply);
    if (!handshake_->why_not().empty()) return lose(handshake_->why_not());
    if (!handshake_->is_done()) return;
    identity_ = handshake_->identity();
    ready_ = true;
    connecting_ = false;
    back_off_ = kBackOffMin;
    telemetry::log_info("redis connected", {{"identity", identity_}});
  }

  /// Again, where a server has lost them.
  void load_scripts() {
    for (const auto& script : all_scripts()) {
      send(
          load_command(script),
          [self = shared_from_this(), &script](const Error& error, ReplyView reply) {
            if (!error && reply.text() != script.sha1) self->lose("a script has another SHA-1 than expected");
          },
          {}, options_.connect_timeout);
    }
  }

  /// Ends this connection: every call under way has an unknown outcome.
  void lose(const std::string& why) {
    if (stopped_) return;
    errors_.Increment();
    if (ready_ || back_off_ == kBackOffMin) telemetry::log_warn("redis connection lost", {{"reason", why}});
    close_socket();
    retry_timer_.expires_after(back_off_);
    back_off_ = std::min(back_off_ * 2, kBackOffMax);
    retry_timer_.async_wait([self = shared_from_this()](const Error& error) {
      if (!error && !self->stopped_) self->connect();
    });
    fail_all();
  }

  void close_socket() {
    ++generation_;
    ready_ = false;
    connecting_ = false;
    writing_ = false;
    write_posted_ = false;
    identity_.clear();
    outgoing_.clear();
    Error ignored;
    socket_.close(ignored);
  }

  /// Calls whose outcome matters until their deadline are kept for so long.
  void fail_all() {
    auto calls = std::exchange(calls_, {});
    for (auto& call : calls) {
      const bool may_still_run = call.late && !call.timed_out && !stopped_;
      if (may_still_run) orphans_.push_back(std::move(call));
      else fail(call);
    }
  }

  static void fail(const Call& call) {
    if (call.callback) call.callback(Failure::outcome_unknown, ReplyView{});
    if (call.late) call.late(Failure::outcome_unknown, ReplyView{});
  }

  /// In the order of their deadlines: those that take a `late` have one time-out.
  void expire_orphans(Clock::time_point now) {
    while (!orphans_.empty() && orphans_.front().deadline <= now) {
      const auto call = std::move(orphans_.front());
      orphans_.pop_front();
      timeouts_.Increment();
      fail(call);
    }
  }

  // --- time ---

  void sweep() {
    sweep_timer_.expires_after(kSweepInterval);
    sweep_timer_.async_wait([self = shared_from_this()](const Error& error) {
      if (error || self->stopped_) return;
      self->expire(Clock::now());
      self->sweep();
    });
  }

  void expire(Clock::time_point now) {
    expire_orphans(now);
    if (connecting_ && now > connect_deadline_) return lose("connect timed out");
    const auto generation = generation_;
    for (std::size_t i = 0; i < calls_.size() && calls_[i].deadline <= now; ++i) {
      auto& call = calls_[i];
      if (call.timed_out) {
        // A server that owes an answer for this long is frozen or gone.
        if (now > call.deadline + 2 * options_.timeout) return lose("no answer for too long");
        continue;
      }
      call.timed_out = true;
      timeouts_.Increment();
      const auto callback = std::exchange(call.callback, {});
      if (callback) callback(Failure::outcome_unknown, ReplyView{});
      if (generation != generation_) return;
    }
  }

  asio::io_context& context_;
  Options options_;
  tcp::resolver resolver_;
  tcp::socket socket_;
  asio::steady_timer sweep_timer_;
  asio::steady_timer retry_timer_;
  prometheus::Counter& errors_;
  prometheus::Counter& timeouts_;
  prometheus::Counter& refusals_;

  std::unique_ptr<redisReader, FreeReader> reader_;
  std::array<char, kReadBytes> in_read_{};
  std::string outgoing_;
  std::string in_write_;
  std::deque<Call> calls_;
  std::deque<Call> orphans_;  ///< sent over a connection that is lost; their deadline is still to come
  std::optional<Handshake> handshake_;
  std::string identity_;
  std::uint64_t generation_ = 0;  ///< of the socket: handlers of an older one do nothing
  std::chrono::milliseconds back_off_ = kBackOffMin;
  Clock::time_point connect_deadline_{};
  bool ready_ = false;
  bool connecting_ = false;
  bool writing_ = false;
  bool write_posted_ = false;
  bool stopped_ = false;
};

Connection::Connection(asio::io_context& context, Options options, telemetry::Metrics& metrics)
    : impl_(std::make_shared<Impl>(context, std::move(options), metrics)) {}
Connection::~Connection() = default;
void Connection::start() { impl_->start(); }
void Connection::stop() { impl_->stop(); }
void Connection::reconnect() { impl_->reconnect(); }
bool Connection::ready() const { return impl_->ready(); }
const std::string& Connection::identity() const { return impl_->identity(); }
std::uint64_t Connection::generation() const { return impl_->generation(); }
void Connection::call(const Command& command, Callback callback, Callback late) {
  impl_->call(command, std::move(callback), std::move(late));
}

}  // namespace flashsale::redis
