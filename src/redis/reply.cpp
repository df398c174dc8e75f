#include "flashsale/redis/reply.hpp"

#include <hiredis/hiredis.h>

#include <charconv>

namespace flashsale::redis {

bool ReplyView::is_error() const { return reply_ && reply_->type == REDIS_REPLY_ERROR; }
bool ReplyView::is_nil() const { return !reply_ || reply_->type == REDIS_REPLY_NIL; }
bool ReplyView::is_array() const { return reply_ && reply_->type == REDIS_REPLY_ARRAY; }

std::string_view ReplyView::text() const {
  if (!reply_) return {};
  switch (reply_->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR: return {reply_->str, static_cast<std::size_t>(reply_->len)};
    default: return {};
  }
}

std::int64_t ReplyView::number() const {
  if (reply_ && reply_->type == REDIS_REPLY_INTEGER) return reply_->integer;
  const auto digits = text();
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::size_t ReplyView::size() const { return is_array() ? reply_->elements : 0; }

ReplyView ReplyView::operator[](std::size_t index) const {
  return ReplyView(index < size() ? reply_->element[index] : nullptr);
}

void FreeReply::operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }

}  // namespace flashsale::redis
