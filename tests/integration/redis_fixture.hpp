#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/redis/audit.hpp"
#include "flashsale/redis/directory.hpp"
#include "flashsale/redis/known_orders.hpp"
#include "flashsale/redis/lease.hpp"
#include "flashsale/redis/order_record.hpp"
#include "flashsale/redis/pending_log.hpp"
#include "flashsale/redis/pulse.hpp"
#include "flashsale/redis/rebuild_scripts.hpp"
#include "flashsale/redis/redis_clock.hpp"
#include "flashsale/redis/release.hpp"
#include "flashsale/redis/reservation.hpp"
#include "flashsale/redis/retake.hpp"
#include "flashsale/redis/sale_changes.hpp"
#include "flashsale/redis/sync_client.hpp"
#include "redis/sale_keys.hpp"

namespace flashsale::testing {

inline redis::Options test_redis_options() {
  const char* url = std::getenv("FLASHSALE_TEST_REDIS_URL");
  if (url == nullptr) throw std::runtime_error("FLASHSALE_TEST_REDIS_URL is not set");
  redis::Options options;
  options.address = redis::parse_url(url);
  // Generous: a test machine that stalls is no defect of the scripts.
  options.timeout = std::chrono::seconds(30);
  return options;
}

/// One sale's keys on the server that FLASHSALE_TEST_REDIS_URL names, under an id of its own and gone at the end; and
/// every script as a plain call. What should never happen (no answer, an unreadable one) throws and so fails the test.
class RedisSale {
 public:
  RedisSale() : id(fresh_id()) {
    if (client_.connect()) throw std::runtime_error("no redis at FLASHSALE_TEST_REDIS_URL");
    identity = client_.identity();
  }
  ~RedisSale() {
    try {
      wipe();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
  RedisSale(const RedisSale&) = delete;
  RedisSale& operator=(const RedisSale&) = delete;

  redis::ReservationReply reserve(const redis::Fence& fence, const redis::ReservationTerms& terms,
                                  std::span<const redis::ReservationRequest> requests) {
    return ask(redis::reserve(fence, terms, requests));
  }
  redis::ReleaseOutcome release(const redis::Fence& fence, const Order& order, bool give_back) {
    return ask(redis::release(fence, order, give_back));
  }
  redis::RetakeReply retake(const redis::Fence& fence, const redis::RetakeTerms& terms, const Order& order) {
    return ask(redis::retake(fence, terms, order));
  }
  redis::WithdrawReply withdraw(const redis::Fence& fence, TimePoint deadline, const redis::WithdrawalEntry& entry) {
    return ask(redis::withdraw(fence, deadline, entry));
  }
  redis::RestockOutcome restock(const redis::Fence& fence, std::int32_t item_no, std::int64_t version,
                                std::int64_t delta) {
    return ask(redis::restock(fence, item_no, version, delta));
  }
  redis::ConfigureOutcome configure(const redis::Fence& fence, const Sale& sale) {
    return ask(redis::configure(fence, sale));
  }
  redis::PublishOutcome publish(const Sale& sale, std::string_view on_identity, std::string_view from_postgres) {
    return publish(sale, {loaded_[sale.epoch], {}}, on_identity, from_postgres);
  }
  redis::PublishOutcome publish(const Sale& sale, const redis::Loaded& loaded, std::string_view on_identity,
                                std::string_view from_postgres) {
    return ask(redis::publish(sale, loaded, on_identity, from_postgres));
  }
  redis::CloseFenceReply close_fence(std::int64_t epoch) { return ask(redis::close_fence(id, epoch)); }
  redis::PulseReply pulse(std::int64_t epoch, std::string_view known_items_state = {}) {
    return ask(redis::pulse(id, epoch, known_items_state));
  }
  /// What is known of one order.
  struct Found {
    enum class Outcome { lost, absent, found } outcome = Outcome::lost;
    std::string record;
  };
  Found find(const redis::Fence& fence, const OrderId& order) {
    const auto reply = find_all(fence, std::span(&order, 1));
    if (reply.lost) return {};
    const auto& record = reply.records.front();
    return {record ? Found::Outcome::found : Found::Outcome::absent, record.value_or("")};
  }
  redis::FindReply find_all(const redis::Fence& fence, std::span<const OrderId> orders) {
    return ask(redis::find_orders(fence, orders));
  }
  redis::RenameOutcome rename(const redis::Fence& fence, std::string_view pseudonym, std::span<const OrderId> orders) {
    return ask(redis::rename_customer(fence, pseudonym, orders));
  }
  redis::AuditReply audit(const redis::Fence& fence, std::int64_t log_entries_max) {
    return ask(redis::audit(fence, log_entries_max));
  }
  std::vector<redis::PendingEntry> pending(std::int64_t epoch, std::string_view after = {},
                                           std::int64_t count = 1'000'000) {
    auto page = ask(redis::pending(id, epoch, after, count));
    EXPECT_EQ(page.unreadable, 0U);
    return std::move(page.entries);
  }
  std::int64_t trim(std::int64_t epoch, std::span<const std::string> entry_ids) {
    return run(redis::trim(id, epoch, entry_ids));
  }
  redis::LoadOutcome load(std::int64_t epoch, std::span<const Order> orders) {
    auto outcome = redis::LoadOutcome::loaded;
    for (const auto& call : redis::load(id, epoch, orders)) outcome = run(call);
    if (outcome == redis::LoadOutcome::loaded) loaded_[epoch] += static_cast<std::int64_t>(orders.size());
    return outcome;
  }
  redis::LoadOutcome clear(std::int64_t epoch, std::span<const std::int64_t> old_epochs) {
    return run(redis::clear(id, epoch, old_epochs));
  }
  void forget(std::int64_t epoch) { run(redis::forget_epoch(id, epoch)); }
  /// Hashes of all order ids, page by page.
  std::vector<std::uint64_t> scan_orders(std::int64_t epoch) {
    std::vector<std::uint64_t> hashes;
    std::string cursor = "0";
    do {
      auto page = ask(redis::scan_orders(id, epoch, cursor));
      hashes.insert(hashes.end(), page.hashes.begin(), page.hashes.end());
      cursor = std::move(page.next_cursor);
    } while (cursor != "0");
    std::sort(hashes.begin(), hashes.end());
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    return hashes;
  }

  redis::OwnedReply run(const redis::Command& command) {
    auto reply = client_.call(command);
    if (!reply) throw std::runtime_error("redis: " + reply.error().message());
    return std::move(*reply);
  }
  template <class Reply>
  Reply run(const redis::Call<Reply>& call) {
    auto result = client_.ask(call);
    if (!result) throw std::runtime_error("redis: " + result.error().message());
    return std::move(*result);
  }
  /// In one round trip.
  std::vector<redis::OwnedReply> run_all(std::span<const redis::Command> commands) {
    if (commands.empty()) return {};
    auto replies = client_.pipeline(commands);
    if (!replies) throw std::runtime_error("redis: " + replies.error().message());
    return std::move(*replies);
  }
  std::int64_t number(const std::string& key, const std::string& field) {
    return redis::ReplyView(run({"HGET", key, field}).get()).number();
  }
  TimePoint clock() { return run(redis::read_clock()); }

  /// All of the sale's keys are lost, as when somebody flushes Redis under the server.
  void wipe() {
    const auto gone = keys();
    if (gone.empty()) return;
    redis::Command command(1 + gone.size());
    command.add("DEL");
    for (const auto& key : gone) command.add(key);
    run(command);
  }
  /// All that the sale's keys hold, in one order: two equal texts mean that nothing has changed. (DUMP would not do:
  /// the bytes of a hash move while Redis resizes it.)
  std::string dump() {
    const auto names = keys();
    std::vector<redis::Command> commands;
    for (const auto& key : names) {
      if (key.ends_with(":log")) commands.push_back({"XRANGE", key, "-", "+"});
      else commands.push_back({"HGETALL", key});
    }
    const auto replies = run_all(commands);
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
      auto lines = pairs(redis::ReplyView(replies[i].get()));
      std::sort(lines.begin(), lines.end());
      text.append(names[i]).append("\n");
      for (const auto& line : lines) text.append("  ").append(line).append("\n");
    }
    return text;
  }

  const std::string id;
  std::string identity;
  /// Redis's clock right before and right after the last script.
  TimePoint call_began_at{};
  TimePoint call_ended_at{};
  /// A machine's clock may be set in between: seen once, half a millisecond back.
  static constexpr std::chrono::milliseconds kClockSet{20};

 private:
  static std::string fresh_id() {
    static std::atomic<int> number{0};
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    return "test-" + std::to_string(getpid()) + "-" + std::to_string(now) + "-" + std::to_string(number++);
  }

  template <class Reply>
  Reply ask(const redis::Call<Reply>& call) {
    const auto clock = redis::read_clock();
    const std::vector<redis::Command> commands{clock.command, call.command, clock.command};
    const auto replies = run_all(commands);
    const auto reply = [&](std::size_t i) { return redis::ReplyView(replies[i].get()); };
    call_began_at = clock.read(reply(0)).value();
    call_ended_at = clock.read(reply(2)).value();
    auto result = call.read(reply(1));
    if (!result) throw std::runtime_error("a reply of another form: " + result.error().message());
    return std::move(*result);
  }

  /// Of a hash: fields with their values; of a stream: ids with their fields and values.
  static std::vector<std::string> pairs(redis::ReplyView reply) {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < reply.size(); ++i) {
      if (reply[i].is_array()) {
        lines.emplace_back(reply[i][0].text());
        for (std::size_t j = 0; j < reply[i][1].size(); ++j) lines.back().append(" ").append(reply[i][1][j].text());
      } else if (i % 2 == 0) {
        lines.emplace_back(reply[i].text());
      } else {
        lines.back().append(" ").append(reply[i].text());
      }
    }
    return lines;
  }

  std::vector<std::string> keys() {
    // The hash tag's braces are no special characters of KEYS.
    const auto reply = run({"KEYS", redis::SaleKeys(id, 0).fence + "*"});
    const redis::ReplyView view(reply.get());
    std::vector<std::string> found;
    for (std::size_t i = 0; i < view.size(); ++i) found.emplace_back(view[i].text());
    std::sort(found.begin(), found.end());
    return found;
  }

  std::map<std::int64_t, std::int64_t> loaded_;  ///< orders, by epoch
  redis::SyncClient client_{test_redis_options(), "test"};
};

}  // namespace flashsale::testing
