#include "flashsale/redis/sync_client.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "flashsale/redis/connecting.hpp"
#include "flashsale/redis/error.hpp"
#include "flashsale/telemetry/log.hpp"
#include "handshake.hpp"
#include "refusal.hpp"
#include "server_identity.hpp"

namespace flashsale::redis {
namespace {

struct FreeContext {
  void operator()(redisContext* context) const noexcept { redisFree(context); }
};

std::string wire_of(std::span<const Command> commands) {
  std::string wire;
  for (const auto& command : commands) wire += command.wire();
  return wire;
}

timeval to_timeval(std::chrono::milliseconds duration) {
  return {duration.count() / 1000, duration.count() % 1000 * 1000};
}

using Clock = std::chrono::steady_clock;
std::atomic<Clock::rep> given_up_at{Clock::time_point::max().time_since_epoch().count()};

/// How much of `time` there is until the process ends; 0: nothing.
std::chrono::milliseconds what_is_left_of(std::chrono::milliseconds time) {
  const auto left = Clock::time_point(Clock::duration(given_up_at)) - Clock::now();
  if (left <= Clock::duration(0)) return std::chrono::milliseconds(0);
  return std::min(time, std::chrono::ceil<std::chrono::milliseconds>(left));
}

}  // namespace

struct SyncClient::State {
  Options options;
  std::string name;
  std::unique_ptr<redisContext, FreeContext> context;
  std::string identity;
  std::size_t replies_due = 0;

  void close() {
    context.reset();
    identity.clear();
    replies_due = 0;
  }

  Error send(std::string_view wire, std::size_t command_count) {
    if (redisAppendFormattedCommand(context.get(), wire.data(), wire.size()) != REDIS_OK) return broken();
    for (int is_done = 0; is_done == 0;) {
      if (redisBufferWrite(context.get(), &is_done) != REDIS_OK) return broken();
    }
    replies_due += command_count;
    return {};
  }

  Result<std::vector<OwnedReply>> receive() {
    std::vector<OwnedReply> replies;
    replies.reserve(replies_due);
    for (; replies_due > 0; --replies_due) {
      void* raw = nullptr;
      if (redisGetReply(context.get(), &raw) != REDIS_OK) return broken();
      replies.emplace_back(static_cast<redisReply*>(raw));
    }
    return replies;
  }

  Error broken() {
    telemetry::log_warn("redis call failed", {{"client", name}, {"error", context->errstr}});
    close();
    return Failure::outcome_unknown;
  }

  /// The first refusal that is about more than one command's data. Where a new connection meets the right server, or
  /// loads the scripts, this one ends.
  Error first_refusal(const std::vector<OwnedReply>& replies) {
    for (const auto& reply : replies) {
      const ReplyView view(reply.get());
      if (!view.is_error()) continue;
      const auto refusal = judge(view.text());
      if (refusal == Refusal::not_permitted) continue;  // what it tries is the caller's business
      telemetry::log_warn("redis refused a command", {{"client", name}, {"error", view.text()}});
      if (refusal == Refusal::data) continue;
      if (refusal == Refusal::wrong_server || refusal == Refusal::script_missing) close();
      return Failure::unavailable;
    }
    return {};
  }

  Error shake_hands();
};

Error SyncClient::State::shake_hands() {
  Handshake handshake(options);
  const auto commands = handshake.commands();
  if (send(wire_of(commands), commands.size())) return Failure::unavailable;
  const auto replies = receive();
  if (!replies) return Failure::unavailable;
  for (const auto& reply : *replies) handshake.take(ReplyView(reply.get()));
  if (!handshake.is_done()) {
    telemetry::log_warn("redis connection refused", {{"client", name}, {"reason", handshake.why_not()}});
    close();
    return Failure::unavailable;
  }
  identity = handshake.identity();
  return {};
}

SyncClient::SyncClient(Options options, std::string name) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  state_->name = std::move(name);
}
SyncClient::~SyncClient() = default;
SyncClient::SyncClient(SyncClient&&) noexcept = default;
SyncClient& SyncClient::operator=(SyncClient&&) noexcept = default;

Error SyncClient::connect() {
  if (state_->context) return {};
  const auto& options = state_->options;
  const auto time = what_is_left_of(options.connect_timeout);
  if (time.count() == 0) return Failure::unavailable;
  state_->context.reset(redisConnectWithTimeout(options.address.host.c_str(), options.address.port, to_timeval(time)));
  if (!state_->context || state_->context->err != 0) {
    telemetry::log_warn(
        "redis connect failed",
        {{"client", state_->name}, {"error", state_->context ? state_->context->errstr : "out of memory"}});
    state_->close();
    return Failure::unavailable;
  }
  redisSetTimeout(state_->context.get(), to_timeval(options.timeout));
  return state_->shake_hands();
}

void give_up_connecting_at(std::chrono::steady_clock::time_point moment) {
  given_up_at = moment.time_since_epoch().count();
}

void SyncClient::disconnect() { state_->close(); }
const std::string& SyncClient::identity() const { return state_->identity; }

Result<OwnedReply> SyncClient::call(const Command& command) {
  auto replies = pipeline(std::span(&command, 1));
  if (!replies) return replies.error();
  if (ReplyView(replies->front().get()).is_error()) return make_error_code(Failure::unavailable);
  return std::move(replies->front());
}

Result<OwnedReply> SyncClient::call_until(const Command& command, std::chrono::steady_clock::time_point over_at) {
  auto reply = call(command);
  if (!reply && reply.error() == make_error_code(Failure::outcome_unknown)) std::this_thread::sleep_until(over_at);
  return reply;
}

Result<std::vector<OwnedReply>> SyncClient::pipeline(std::span<const Command> commands) {
  if (const auto error = send(wire_of(commands), commands.size())) return error;
  return receive();
}

Error SyncClient::send(std::string_view wire, std::size_t command_count) {
  if (const auto error = connect()) return error;
  return state_->send(wire, command_count);
}

Result<std::vector<OwnedReply>> SyncClient::receive() {
  auto replies = state_->receive();
  if (!replies) return replies;
  if (const auto error = state_->first_refusal(*replies)) return error;
  return replies;
}

Error SyncClient::check_identity() {
  if (const auto error = connect()) return error;
  const auto before = state_->identity;
  const auto reply = call(Command{"INFO"});
  if (!reply) return reply.error();
  const auto server = parse_server_identity(ReplyView(reply->get()).text());
  if (server.text() == before && why_unfit(server, state_->options).empty()) return {};
  telemetry::log_warn("redis identity changed", {{"client", state_->name}, {"identity", server.text()}});
  disconnect();
  return connect();
}

}  // namespace flashsale::redis
