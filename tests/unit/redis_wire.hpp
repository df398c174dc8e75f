#pragma once
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include <memory>
#include <string_view>

#include "flashsale/redis/reply.hpp"

namespace flashsale::testing {

/// As hiredis reads it off the wire.
inline redis::OwnedReply reply_of(std::string_view bytes) {
  const std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader(redisReaderCreate(), &redisReaderFree);
  void* reply = nullptr;
  EXPECT_EQ(redisReaderFeed(reader.get(), bytes.data(), bytes.size()), REDIS_OK);
  EXPECT_EQ(redisReaderGetReply(reader.get(), &reply), REDIS_OK);
  return redis::OwnedReply(static_cast<redisReply*>(reply));
}

}  // namespace flashsale::testing
