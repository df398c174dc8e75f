#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flashsale::http {

/// Takes the framing out of a chunked body, in place. Stricter than RFC 9112 lets a server be: a line ends with CR LF
/// and nothing else, so that no two servers in a row can see different chunks. Extensions and trailer fields are
/// checked for that and ignored.
///
/// Not Beast's: up to 1.81 at least its parser asserts that five bytes are there when a last chunk arrives in pieces,
/// which "0\r\n" followed by one more byte breaks, and so ends a process that keeps its assertions.
class ChunkDecoder {
 public:
  enum class State : std::uint8_t { need_more, complete, malformed, too_large };

  struct Step {
    State state;
    std::size_t read;     ///< bytes of the input that are done with
    std::size_t decoded;  ///< bytes of the body that now stand at the start of the input
  };

  explicit ChunkDecoder(std::size_t body_bytes_max = 0) : body_bytes_left_(body_bytes_max) {}

  /// Goes on with what was not read the last time, and new bytes behind it.
  [[nodiscard]] Step decode(char* bytes, std::size_t size);

 private:
  enum class Part : std::uint8_t { size_line, data, data_end, trailer, end };

  [[nodiscard]] State take_line(std::string_view line);
  [[nodiscard]] State take_size(std::string_view line);

  Part part_ = Part::size_line;
  std::size_t body_bytes_left_;
  std::size_t chunk_bytes_left_ = 0;
  std::size_t trailer_bytes_ = 0;
};

}  // namespace flashsale::http
