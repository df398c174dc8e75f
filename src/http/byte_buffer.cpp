#include "byte_buffer.hpp"

#include <algorithm>
#include <cstring>

#include "flashsale/model/check.hpp"

namespace flashsale::http {
namespace {

// With the allocator's own header this fills a 2 KiB block; most requests fit, and an idle connection keeps one.
constexpr std::size_t kCapacityMin = 2032;

}  // namespace

char* ByteBuffer::prepare(std::size_t count) {
  if (capacity_ - end_ >= count) return memory_.get() + end_;
  const std::size_t used = size();
  if (capacity_ - used >= count) {
    std::memmove(memory_.get(), data(), used);
  } else {
    const std::size_t capacity = std::max({kCapacityMin, capacity_ * 2, used + count});
    auto memory = std::make_unique_for_overwrite<char[]>(capacity);
    if (used != 0) std::memcpy(memory.get(), data(), used);
    memory_ = std::move(memory);
    capacity_ = capacity;
  }
  begin_ = 0;
  end_ = used;
  return memory_.get() + end_;
}

void ByteBuffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(prepare(bytes.size()), bytes.data(), bytes.size());
  commit(bytes.size());
}

void ByteBuffer::consume(std::size_t count) {
  FLASHSALE_CHECK(count <= size());
  begin_ += count;
  if (begin_ == end_) clear();
}

void ByteBuffer::release() {
  memory_.reset();
  begin_ = end_ = capacity_ = 0;
}

}  // namespace flashsale::http
