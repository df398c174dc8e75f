#pragma once
#include <cstdint>
#include <memory>
#include <string_view>

struct redisReply;

namespace flashsale::redis {

/// A look at one reply of Redis; valid as long as its owner. Reading a part that is not there, or of another type,
/// gives an empty view, 0 or an empty text, so that parsers check once at the end instead of at every step.
class ReplyView {
 public:
  explicit ReplyView(const redisReply* reply = nullptr) : reply_(reply) {}
  [[nodiscard]] bool is_error() const;
  [[nodiscard]] bool is_nil() const;
  [[nodiscard]] bool is_array() const;
  [[nodiscard]] std::string_view text() const;  ///< of a string, status or error
  [[nodiscard]] std::int64_t number() const;    ///< of an integer, or of a string that is one
  [[nodiscard]] std::size_t size() const;       ///< elements of an array
  [[nodiscard]] ReplyView operator[](std::size_t index) const;

 private:
  const redisReply* reply_;
};

struct FreeReply {
  void operator()(redisReply* reply) const noexcept;
};
using OwnedReply = std::unique_ptr<redisReply, FreeReply>;

}  // namespace flashsale::redis
