#include "chunk_decoder.hpp"

#include <algorithm>
#include <cstring>

#include "grammar.hpp"

namespace flashsale::http {
namespace {

// Nobody needs extensions or trailer fields, so they get little room.
constexpr std::size_t kLineBytesMax = 4096;
constexpr std::size_t kTrailerBytesMax = 4096;
constexpr std::size_t kSizeDigitsMax = 15;

}  // namespace

ChunkDecoder::Step ChunkDecoder::decode(char* bytes, std::size_t size) {
  Step step{State::need_more, 0, 0};
  while (step.state == State::need_more && part_ != Part::end) {
    const char* const at = bytes + step.read;
    const std::size_t left = size - step.read;
    if (part_ == Part::data) {
      const std::size_t count = std::min(left, chunk_bytes_left_);
      std::memmove(bytes + step.decoded, at, count);
      step.read += count;
      step.decoded += count;
      chunk_bytes_left_ -= count;
      if (chunk_bytes_left_ != 0) return step;
      part_ = Part::data_end;
      continue;
    }
    const std::size_t line_bytes = std::string_view(at, left).find('\n');
    if (line_bytes == std::string_view::npos) {
      const bool is_endless = left > (part_ == Part::data_end ? 1 : kLineBytesMax);
      return {is_endless ? State::malformed : State::need_more, step.read, step.decoded};
    }
    // The same as above for a line that came in one piece.
    if (line_bytes > kLineBytesMax) return {State::malformed, step.read, step.decoded};
    step.read += line_bytes + 1;
    const std::string_view line(at, line_bytes);
    step.state = line.ends_with('\r') ? take_line(line.substr(0, line_bytes - 1)) : State::malformed;
  }
  if (part_ == Part::end && step.state == State::need_more) step.state = State::complete;
  return step;
}

ChunkDecoder::State ChunkDecoder::take_line(std::string_view line) {
  if (std::any_of(line.begin(), line.end(), is_control_but_tab)) return State::malformed;
  switch (part_) {
    case Part::size_line: return take_size(line);
    case Part::data_end: part_ = Part::size_line; return line.empty() ? State::need_more : State::malformed;
    case Part::trailer: {
      trailer_bytes_ += line.size();
      if (line.empty()) {
        part_ = Part::end;
        return State::need_more;
      }
      const std::string_view name = line.substr(0, line.find(':'));
      const bool is_field = name.size() < line.size() && is_token(name) && trailer_bytes_ <= kTrailerBytesMax;
      return is_field ? State::need_more : State::malformed;
    }
    case Part::data:
    case Part::end: break;
  }
  return State::malformed;
}

ChunkDecoder::State ChunkDecoder::take_size(std::string_view line) {
  std::size_t digits = 0;
  std::size_t bytes = 0;
  for (; digits < line.size() && hex_value(line[digits]) >= 0; ++digits) {
    if (digits == kSizeDigitsMax) return State::malformed;
    bytes = bytes * 16 + static_cast<std::size_t>(hex_value(line[digits]));
  }
  const std::string_view extension = trim_left(line.substr(digits));
  if (digits == 0 || (digits != line.size() && !extension.starts_with(';'))) return State::malformed;
  if (bytes > body_bytes_left_) return State::too_large;
  body_bytes_left_ -= bytes;
  chunk_bytes_left_ = bytes;
  part_ = bytes == 0 ? Part::trailer : Part::data;
  return State::need_more;
}

}  // namespace flashsale::http
