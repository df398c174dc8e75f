#pragma once
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace flashsale::http {

/// Contiguous bytes that are appended at the end and taken from the front. Unlike std::string it never fills memory
/// that is about to be overwritten, and it gives its memory back when told to.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(ByteBuffer&& other) noexcept { swap(other); }
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    ByteBuffer taken(std::move(other));
    swap(taken);
    return *this;
  }

  [[nodiscard]] char* data() { return memory_.get() + begin_; }
  [[nodiscard]] const char* data() const { return memory_.get() + begin_; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::string_view view() const { return {data(), size()}; }

  /// Room for at least `count` more bytes behind the end. May move what is there.
  char* prepare(std::size_t count);
  /// The room that there is now without moving anything.
  [[nodiscard]] std::size_t room() const { return capacity_ - end_; }
  void commit(std::size_t count) { end_ += count; }
  void append(std::string_view bytes);

  void consume(std::size_t count);
  /// Drops bytes at the end.
  void truncate(std::size_t size) { end_ = begin_ + size; }
  void clear() { begin_ = end_ = 0; }
  void release();

 private:
  void swap(ByteBuffer& other) noexcept {
    memory_.swap(other.memory_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
  }

  std::unique_ptr<char[]> memory_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace flashsale::http
