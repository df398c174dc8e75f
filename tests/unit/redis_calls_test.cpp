#include "flashsale/redis/call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flashsale/redis/audit.hpp"
#include "flashsale/redis/directory.hpp"
#include "flashsale/redis/known_orders.hpp"
#include "flashsale/redis/lease.hpp"
#include "flashsale/redis/pending_log.hpp"
#include "flashsale/redis/pulse.hpp"
#include "flashsale/redis/rebuild_scripts.hpp"
#include "flashsale/redis/redis_clock.hpp"
#include "flashsale/redis/release.hpp"
#include "flashsale/redis/reservation.hpp"
#include "flashsale/redis/retake.hpp"
#include "flashsale/redis/sale_changes.hpp"
#include "redis/script.hpp"
#include "unit/redis_wire.hpp"

namespace flashsale::redis {
namespace {

using ::testing::ElementsAre;
using testing::reply_of;

/// The arguments of a command, as Redis takes them off the wire.
std::vector<std::string> arguments_of(const Command& command) {
  const auto reply = reply_of(command.wire());
  const ReplyView view(reply.get());
  std::vector<std::string> arguments;
  for (std::size_t i = 0; i < view.size(); ++i) arguments.emplace_back(view[i].text());
  return arguments;
}

/// Those that Redis takes for keys.
std::vector<std::string> keys_of(const Command& command) {
  const auto arguments = arguments_of(command);
  const auto& name = arguments.front();
  if (name == "TIME") return {};
  if (name == "UNLINK") return {arguments.begin() + 1, arguments.end()};
  if (name != "EVALSHA") return {arguments[1]};
  const auto first = arguments.begin() + 3;
  return {first, first + std::stol(arguments[2])};
}

constexpr std::string_view kSale = "spring";
constexpr OrderLine kLine{7, 2};

/// One of each call that is about a sale.
std::vector<Command> calls_of_a_sale() {
  const Fence fence{kSale, 3, "identity"};
  Order order;
  order.lines.push_back(kLine);
  order.customer_id = "a customer {of another} sale";
  Sale sale;
  sale.id = kSale;
  sale.epoch = 3;
  sale.items.push_back({});
  const ReservationRequest request{order.id, std::span(&kLine, 1), order.customer_id};
  const std::array<std::int64_t, 2> old_epochs{1, 2};
  const std::string entry_id = "1-1";
  std::vector<Command> commands{
      reserve(fence, {}, std::span(&request, 1)).command,
      release(fence, order, true).command,
      retake(fence, {}, order).command,
      pulse(kSale, 3).command,
      close_fence(kSale, 3).command,
      log_length(kSale, 3).command,
      clear(kSale, 3, old_epochs).command,
      publish(sale, {}, "identity", "postgres").command,
      forget_epoch(kSale, 3).command,
      forget_sale(kSale, 3).command,
      configure(fence, sale).command,
      restock(fence, 7, 1, 1).command,
      withdraw(fence, {}, {}).command,
      find_orders(fence, std::span(&order.id, 1)).command,
      rename_customer(fence, "pseudonym", std::span(&order.id, 1)).command,
      scan_orders(kSale, 3, "0").command,
      audit(fence, 1).command,
      pending(kSale, 3, {}, 1).command,
      pending_entry(kSale, 3, entry_id).command,
      trim(kSale, 3, std::span(&entry_id, 1)).command,
      lease(kSale, "sweep", "holder", std::chrono::milliseconds(1)).command,
  };
  for (auto& call : load(kSale, 3, std::span(&order, 1))) commands.push_back(std::move(call.command));
  return commands;
}

TEST(RedisCalls, EachKnowsTheSaleWhoseKeysItTakes) {
  for (const auto& command : calls_of_a_sale()) {
    EXPECT_EQ(command.hash_tag(), kSale) << command.wire();
    const auto keys = keys_of(command);
    EXPECT_FALSE(keys.empty()) << command.wire();
    for (const auto& key : keys) EXPECT_TRUE(key.starts_with("fs:{spring}")) << key;
  }
}

TEST(RedisCalls, EveryScriptIsAmongThem) {
  std::vector<std::string> missing;
  const auto commands = calls_of_a_sale();
  for (const auto& script : all_scripts()) {
    const auto calls_it = [&](const Command& command) { return arguments_of(command)[1] == script.sha1; };
    if (std::none_of(commands.begin(), commands.end(), calls_it)) missing.emplace_back(script.name);
  }
  EXPECT_THAT(missing, ElementsAre("raise_number")) << "which is about no sale";
}

TEST(RedisCalls, WhatIsAboutNoSaleHasNoTag) {
  for (const auto& command :
       {read_clock().command, read_directory().command, raise_directory(1).command, read_wal("server").command,
        raise_wal("server", 1, false).command, raise_wal("server", 1, true).command, read_mark("server").command,
        tell_mark("server", 1, "mark").command}) {
    EXPECT_EQ(command.hash_tag(), "") << command.wire();
    for (const auto& key : keys_of(command)) EXPECT_EQ(key.find('{'), std::string::npos) << key;
  }
}

TEST(RedisCalls, AHashTagIsWhatStandsInTheFirstBraces) {
  const auto tag_of = [](std::string_view key) {
    Command command(2);
    command.add("GET").add_key(key);
    return std::string(command.hash_tag());
  };
  EXPECT_EQ(tag_of("fs:{a}:{b}"), "a");
  EXPECT_EQ(tag_of("fs:{a"), "");
  EXPECT_EQ(tag_of("fs:{}a"), "");
  EXPECT_EQ(tag_of("a}{b}"), "b");
  Command moved(2);
  moved.add("GET").add_key("fs:{a}");
  const Command kept = std::move(moved);
  EXPECT_EQ(kept.hash_tag(), "a");
}

TEST(RedisCalls, ARefusalIsReadAsUnavailableAndAnotherFormAsADefect) {
  const auto call = release(
      {kSale, 3, "identity"},
      [] {
        Order order;
        order.lines.push_back(kLine);
        return order;
      }(),
      true);
  EXPECT_EQ(call.read(ReplyView(reply_of("+done\r\n").get())).value(), ReleaseOutcome::done);
  EXPECT_EQ(call.read(ReplyView(reply_of("-ERR no\r\n").get())).error(), make_error_code(Failure::unavailable));
  EXPECT_EQ(call.read(ReplyView(reply_of("+what\r\n").get())).error(), make_error_code(Failure::protocol));
}

TEST(RedisCalls, AReplyHasAsManyPartsAsWereAskedFor) {
  const OrderId id;
  const auto one = find_orders({kSale, 3, "identity"}, std::span(&id, 1));
  EXPECT_TRUE(one.read(ReplyView(reply_of("*2\r\n+ok\r\n*1\r\n$-1\r\n").get())));
  EXPECT_FALSE(one.read(ReplyView(reply_of("*2\r\n+ok\r\n*2\r\n$-1\r\n$-1\r\n").get())));
}

}  // namespace
}  // namespace flashsale::redis
