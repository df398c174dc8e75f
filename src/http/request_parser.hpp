#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "chunk_decoder.hpp"
#include "flashsale/api/exchange.hpp"

namespace flashsale::http {

struct ParserLimits {
  std::uint32_t header_bytes_max = 16 * 1024;  ///< request line and fields together
  std::uint32_t body_bytes_max = 64 * 1024;    ///< decoded
  std::uint32_t target_bytes_max = 2048;
};

/// Why a request was refused; the connection is closed after the answer, since what follows cannot be trusted to be
/// the start of another request.
struct ParseFailure {
  api::ProblemType type = api::ProblemType::malformed_request;
  std::string_view detail;  ///< static text
};

/// Reads one HTTP/1.x request out of a contiguous buffer that the caller fills. The grammar of the request line and
/// the fields is Beast's; on top of it everything is refused that two servers in a row could understand differently
/// (request smuggling). Keeps offsets instead of copies, so that a request costs no allocation.
class RequestParser {
 public:
  enum class State : std::uint8_t {
    head,      ///< the request line and the fields are not all there
    body,      ///< the head is there and good, the body is not
    complete,  ///< view() gives the request
    failed,    ///< failure() says why
  };

  explicit RequestParser(const ParserLimits& limits);

  /// Goes on with `data[0, size)`, the bytes since the start of the request: those of the call before plus new ones.
  /// The framing of a chunked body is taken out in place, which makes `size` shrink.
  State parse(char* data, std::size_t& size);
  /// Ready for the next request, whose first byte must be at the start of the data then.
  void reset();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const ParseFailure& failure() const { return failure_; }

  // As soon as the head is there:
  [[nodiscard]] api::Method method() const { return method_; }
  [[nodiscard]] bool is_http_1_0() const { return is_http_1_0_; }
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  [[nodiscard]] bool expects_continue() const { return expects_continue_; }
  [[nodiscard]] std::size_t head_bytes() const { return head_end_; }

  /// Bytes that the complete request takes at the start of the data; what follows belongs to the next one.
  [[nodiscard]] std::size_t message_bytes() const { return head_end_ + body_bytes_; }
  /// Fills method, target, path, query, headers and (once complete) body with views into `data`.
  void view(const char* data, api::Request& request) const;

 private:
  class HeadReader;
  struct Slice {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
  };

  State fail(api::ProblemType type, std::string_view detail);
  State malformed(std::string_view detail) { return fail(api::ProblemType::malformed_request, detail); }
  [[nodiscard]] bool find_head_end(std::string_view bytes);
  [[nodiscard]] bool is_plausible_start(std::string_view bytes) const;
  State parse_head(const char* data, std::size_t size);
  State check_head(const char* data, const HeadReader& reader);
  [[nodiscard]] bool split_target(std::string_view target);
  State parse_body(char* data, std::size_t& size);
  State parse_chunks(char* data, std::size_t& size);

  ParserLimits limits_;
  State state_ = State::head;
  api::Method method_ = api::Method::get;
  bool is_http_1_0_ = false;
  bool keep_alive_ = false;
  bool expects_continue_ = false;
  bool is_chunked_ = false;
  std::uint32_t line_start_ = 0;      // of the line that find_head_end is in
  std::uint32_t scanned_ = 0;         // bytes that hold no further end of line
  std::uint32_t start_ = 0;           // of the request line, behind empty lines
  std::uint32_t first_line_end_ = 0;  // 0: not yet
  std::uint32_t head_end_ = 0;
  std::size_t body_bytes_ = 0;  // of the whole body, or of its chunks up to now
  Slice target_;
  Slice path_;
  Slice query_;
  std::array<Slice, api::kHeaderCount> headers_;
  ChunkDecoder chunks_;
  ParseFailure failure_;
};

}  // namespace flashsale::http
