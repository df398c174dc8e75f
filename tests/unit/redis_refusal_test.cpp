#include "redis/refusal.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace flashsale::redis {
namespace {

TEST(Refusal, IsJudgedByItsFirstWord) {
  struct Row {
    std::string_view error;
    Refusal refusal;
  };
  constexpr Row kRows[] = {
      {"MOVED 3999 127.0.0.1:6381", Refusal::elsewhere},
      {"ASK 3999 127.0.0.1:6381", Refusal::elsewhere},
      {"CLUSTERDOWN Hash slot not served", Refusal::elsewhere},
      {"TRYAGAIN Multiple keys request during rehashing of slot", Refusal::elsewhere},
      {"READONLY You can't write against a read only replica.", Refusal::wrong_server},
      {"LOADING Redis is loading the dataset in memory", Refusal::wrong_server},
      {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", Refusal::wrong_server},
      {"NOAUTH Authentication required.", Refusal::wrong_server},
      {"NOSCRIPT No matching script. Please use EVAL.", Refusal::script_missing},
      {"OOM command not allowed when used memory > 'maxmemory'.", Refusal::data},
      {"WRONGTYPE Operation against a key holding the wrong kind of value", Refusal::data},
      {"CROSSSLOT Keys in request don't hash to the same slot", Refusal::data},
      {"ERR unknown command", Refusal::data},
      {"NOPERM this user has no permissions to run the 'config' command", Refusal::not_permitted},
      {"BUSY Redis is busy running a script.", Refusal::not_now},
      {"MISCONF Redis is configured to save RDB snapshots", Refusal::not_now},
      {"NOREPLICAS Not enough good replicas to write.", Refusal::not_now},
  };
  for (const auto& row : kRows) EXPECT_EQ(judge(row.error), row.refusal) << row.error;
}

TEST(Refusal, WhatIsNotKnownIsNotHeldAgainstTheServer) {
  EXPECT_EQ(judge("SOMETHING new"), Refusal::not_now);
  EXPECT_EQ(judge(""), Refusal::not_now);
  EXPECT_EQ(judge("LOADINGS"), Refusal::not_now) << "the word as a whole";
  EXPECT_EQ(judge("READONLY"), Refusal::wrong_server) << "a word alone";
}

}  // namespace
}  // namespace flashsale::redis
