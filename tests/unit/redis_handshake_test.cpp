#include "redis/handshake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/redis_wire.hpp"

namespace flashsale::redis {
namespace {

using ::testing::HasSubstr;
using testing::reply_of;

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

std::string info(std::string_view role, std::string_view loading = "0") {
  return bulk("# Server\r\nrun_id:a\r\nloading:" + std::string(loading) + "\r\nrole:" + std::string(role) +
              "\r\nmaster_replid:b\r\n");
}

Options with_login() {
  Options options;
  options.address.user = "flashsale";
  options.address.password = "secret";
  options.address.database = 3;
  return options;
}

/// What a server answers that knows us and has our scripts.
std::vector<std::string> replies_to(const Options& options) {
  std::vector<std::string> replies;
  if (!options.address.password.empty()) replies.emplace_back("+OK\r\n");
  if (options.address.database != 0) replies.emplace_back("+OK\r\n");
  for (const auto& script : all_scripts()) replies.push_back(bulk(script.sha1));
  replies.push_back(info("master"));
  return replies;
}

Handshake shake(const Options& options, const std::vector<std::string>& replies) {
  Handshake handshake(options);
  EXPECT_EQ(handshake.commands().size(), replies.size());
  for (const auto& reply : replies) {
    EXPECT_FALSE(handshake.is_done());
    handshake.take(ReplyView(reply_of(reply).get()));
  }
  return handshake;
}

TEST(Handshake, SaysWhoWeAreThenLoadsTheScriptsThenAsksWhoAnswers) {
  const auto options = with_login();
  const auto commands = Handshake(options).commands();
  ASSERT_EQ(commands.size(), all_scripts().size() + 3);
  EXPECT_EQ(commands[0].wire(), (Command{"AUTH", "flashsale", "secret"}.wire()));
  EXPECT_EQ(commands[1].wire(), (Command{"SELECT", "3"}.wire()));
  EXPECT_EQ(commands[2].wire(), load_command(all_scripts().front()).wire());
  EXPECT_EQ(commands.back().wire(), Command{"INFO"}.wire());
}

TEST(Handshake, LeavesOutWhatIsNotSet) {
  Options options;
  EXPECT_EQ(Handshake(options).commands().size(), all_scripts().size() + 1);
  options.address.password = "secret";
  EXPECT_EQ(Handshake(options).commands().front().wire(), (Command{"AUTH", "secret"}.wire()));
  options.load_scripts = false;
  EXPECT_EQ(Handshake(options).commands().size(), 2U);
}

TEST(Handshake, EndsWithTheServersIdentity) {
  for (const auto& options : {Options{}, with_login()}) {
    const auto done = shake(options, replies_to(options));
    EXPECT_TRUE(done.is_done());
    EXPECT_EQ(done.identity(), "a:b");
    EXPECT_EQ(done.why_not(), "");
  }
}

TEST(Handshake, AnyRefusalIsTheEndOfIt) {
  const auto options = with_login();
  for (std::size_t at = 0; at < replies_to(options).size(); ++at) {
    auto replies = replies_to(options);
    replies[at] = "-ERR no\r\n";
    const auto refused = shake(options, replies);
    EXPECT_FALSE(refused.is_done()) << at;
    EXPECT_EQ(refused.why_not(), "handshake refused: ERR no") << at;
    EXPECT_EQ(refused.identity(), "") << at;
  }
}

TEST(Handshake, AScriptMustBeTheOneThatIsMeant) {
  const Options options;
  auto replies = replies_to(options);
  replies.front() = bulk(std::string(40, '0'));
  EXPECT_THAT(shake(options, replies).why_not(), HasSubstr("SHA-1"));
}

TEST(Handshake, TheServerMustBeAMasterThatIsThere) {
  struct Row {
    std::string info;
    bool allow_replica;
    std::string why_not;
  };
  const Row rows[] = {
      {info("master"), false, ""},
      {info("slave"), false, "server is a replica"},
      {info("slave"), true, ""},
      {info("master", "1"), false, "server is loading its data"},
      {info("slave", "1"), true, "server is loading its data"},
  };
  for (const auto& row : rows) {
    Options options;
    options.allow_replica = row.allow_replica;
    auto replies = replies_to(options);
    replies.back() = row.info;
    const auto handshake = shake(options, replies);
    EXPECT_EQ(handshake.why_not(), row.why_not) << row.info;
    EXPECT_EQ(handshake.is_done(), row.why_not.empty()) << row.info;
  }
}

}  // namespace
}  // namespace flashsale::redis
