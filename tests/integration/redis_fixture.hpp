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
#include <type_traits>
#include <utility>
#include <vector>

#include "flashsale/model/order.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/redis/order_record.hpp"
#include "flashsale/redis/sale_keys.hpp"
#include "flashsale/redis/sale_scripts.hpp"
#include "flashsale/redis/sync_client.hpp"

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
    return ask(redis::reserve_command(fence, terms, requests),
               [&](redis::ReplyView reply) { return redis::read_reserve(reply, requests.size()); });
  }
  redis::ReleaseOutcome release(const redis::Fence& fence, const Order& order, bool give_back) {
    return ask(redis::release_command(fence, order, give_back), redis::read_release);
  }
  redis::RetakeReply retake(const redis::Fence& fence, const redis::RetakeTerms& terms, const Order& order) {
    return ask(redis::retake_command(fence, terms, order), redis::read_retake);
  }
  redis::WithdrawReply withdraw(const redis::Fence& fence, TimePoint deadline, const redis::WithdrawalEntry& entry) {
    return ask(redis::withdraw_command(fence, deadline, entry), redis::read_withdraw);
  }
  redis::RestockOutcome restock(const redis::Fence& fence, std::int32_t item_no, std::int64_t version,
                                std::int64_t delta) {
    return ask(redis::restock_command(fence, item_no, version, delta), redis::read_restock);
  }
  redis::ConfigureOutcome configure(const Sale& sale, std::string_view on_identity) {
    return ask(redis::configure_command(sale, on_identity), redis::read_configure);
  }
  redis::PublishOutcome publish(const Sale& sale, std::string_view on_identity, std::string_view from_postgres) {
    return publish(sale, {loaded_[sale.epoch], {}}, on_identity, from_postgres);
  }
  redis::PublishOutcome publish(const Sale& sale, const redis::Loaded& loaded, std::string_view on_identity,
                                std::string_view from_postgres) {
    return ask(redis::publish_command(sale, loaded, on_identity, from_postgres), redis::read_publish);
  }
  redis::CloseFenceReply close_fence(std::int64_t epoch) {
    return ask(redis::close_fence_command(id, epoch), redis::read_close_fence);
  }
  redis::PulseReply pulse(std::int64_t epoch, std::string_view known_items_state = {}) {
    return ask(redis::pulse_command(id, epoch, known_items_state), redis::read_pulse);
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
    return ask(redis::find_orders_command(fence, orders),
               [&](redis::ReplyView reply) { return redis::read_find_orders(reply, orders.size()); });
  }
  redis::RenameOutcome rename(const redis::Fence& fence, std::string_view pseudonym, std::span<const OrderId> orders) {
    return ask(redis::rename_command(fence, pseudonym, orders), redis::read_rename);
  }
  redis::AuditReply audit(const redis::Fence& fence, std::int64_t log_entries_max) {
    return ask(redis::audit_command(fence, log_entries_max), redis::read_audit);
  }
  std::vector<redis::PendingEntry> pending(std::int64_t epoch, std::string_view after = {},
                                           std::int64_t count = 1'000'000) {
    return ask(redis::pending_command(id, epoch, after, count), [](redis::ReplyView reply) {
      std::size_t unreadable = 0;
      auto entries = redis::read_pending(reply, unreadable);
      EXPECT_EQ(unreadable, 0U);
      return entries;
    });
  }
  std::int64_t trim(std::int64_t epoch, std::span<const std::string> entry_ids) {
    return redis::ReplyView(run(redis::trim_command(id, epoch, entry_ids)).get()).number();
  }
  redis::LoadOutcome load(std::int64_t epoch, std::span<const Order> orders) {
    auto outcome = redis::LoadOutcome::loaded;
    for (const auto& reply : run_all(redis::load_commands(id, epoch, orders))) {
      outcome = redis::read_load(redis::ReplyView(reply.get())).value();
    }
    if (outcome == redis::LoadOutcome::loaded) loaded_[epoch] += static_cast<std::int64_t>(orders.size());
    return outcome;
  }
  redis::LoadOutcome clear(std::int64_t epoch, std::span<const std::int64_t> old_epochs) {
    return redis::read_clear(redis::ReplyView(run(redis::clear_command(id, epoch, old_epochs)).get())).value();
  }
  void forget(std::int64_t epoch) { run(redis::forget_epoch_command(id, epoch)); }
  /// Hashes of all order ids, page by page.
  std::vector<std::uint64_t> scan_orders(std::int64_t epoch) {
    std::vector<std::uint64_t> hashes;
    std::string cursor = "0";
    do {
      cursor = ask(redis::scan_orders_command(id, epoch, cursor),
                   [&](redis::ReplyView reply) { return redis::read_scan_orders(reply, hashes); });
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
  TimePoint clock() { return redis::read_clock(redis::ReplyView(run(redis::clock_command()).get())); }

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

 private:
  static std::string fresh_id() {
    static std::atomic<int> number{0};
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    return "test-" + std::to_string(getpid()) + "-" + std::to_string(now) + "-" + std::to_string(number++);
  }

  template <class Read>
  typename std::invoke_result_t<Read, redis::ReplyView>::value_type ask(redis::Command command, Read read) {
    const std::vector<redis::Command> commands{redis::clock_command(), std::move(command), redis::clock_command()};
    const auto replies = run_all(commands);
    call_began_at = redis::read_clock(redis::ReplyView(replies[0].get()));
    call_ended_at = redis::read_clock(redis::ReplyView(replies[2].get()));
    auto result = read(redis::ReplyView(replies[1].get()));
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
