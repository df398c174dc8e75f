#pragma once
#include <cstddef>

#include "flashsale/model/result.hpp"
#include "flashsale/redis/command.hpp"
#include "flashsale/redis/error.hpp"
#include "flashsale/redis/reply.hpp"

namespace flashsale::redis {

/// How the reply to a command is read: a function, and the number of parts that the reply must have where it matters.
/// Small, and valid by itself: it may outlive its call.
template <class Reply>
class Reader {
 public:
  explicit Reader(Result<Reply> (*read)(ReplyView)) : read_(read) {}
  Reader(Result<Reply> (*read)(ReplyView, std::size_t), std::size_t count) : read_counted_(read), count_(count) {}

  /// Failure::unavailable for a refusal, Failure::protocol for a reply of another form.
  [[nodiscard]] Result<Reply> operator()(ReplyView reply) const {
    if (reply.is_error()) return Result<Reply>(boost::system::in_place_error, make_error_code(Failure::unavailable));
    return read_ != nullptr ? read_(reply) : read_counted_(reply, count_);
  }

 private:
  Result<Reply> (*read_)(ReplyView) = nullptr;
  Result<Reply> (*read_counted_)(ReplyView, std::size_t) = nullptr;
  std::size_t count_ = 0;
};

/// A command together with how its reply is read. Each script and each plain command of this module has one function
/// that makes it. SyncClient::ask and Connection::ask take it; in a pipeline the caller reads each reply with it.
template <class Reply>
struct Call {
  Command command;
  Reader<Reply> read;
};

/// Of a reply that says only that it was done.
struct Done {};

}  // namespace flashsale::redis
