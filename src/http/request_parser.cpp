#include "request_parser.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <cstring>
#include <limits>

#include "grammar.hpp"

namespace flashsale::http {
namespace {

namespace beast = boost::beast;
using BeastError = beast::error_code;
using BeastView = beast::string_view;

constexpr std::size_t kMethodBytesMax = 32;

std::string_view to_std(BeastView view) { return {view.data(), view.size()}; }

api::Method to_method(beast::http::verb verb) {
  switch (verb) {
    case beast::http::verb::get: return api::Method::get;
    case beast::http::verb::head: return api::Method::head;
    case beast::http::verb::post: return api::Method::post;
    case beast::http::verb::put: return api::Method::put;
    case beast::http::verb::patch: return api::Method::patch;
    case beast::http::verb::delete_: return api::Method::delete_;
    case beast::http::verb::options: return api::Method::options;
    default: return api::Method::other;
  }
}

/// The field that the API reads, or count_. Beast knows the common names; the others differ in their length.
api::Header to_header(beast::http::field field, std::string_view name) {
  switch (field) {
    case beast::http::field::accept: return api::Header::accept;
    case beast::http::field::accept_language: return api::Header::accept_language;
    case beast::http::field::authorization: return api::Header::authorization;
    case beast::http::field::content_type: return api::Header::content_type;
    case beast::http::field::content_encoding: return api::Header::content_encoding;
    case beast::http::field::prefer: return api::Header::prefer;
    case beast::http::field::if_none_match: return api::Header::if_none_match;
    case beast::http::field::origin: return api::Header::origin;
    case beast::http::field::unknown: break;
    default: return api::Header::count_;
  }
  switch (name.size()) {
    case 10:
      if (equals_ignoring_case(name, "webhook-id")) return api::Header::webhook_id;
      break;
    case 11:
      if (equals_ignoring_case(name, "traceparent")) return api::Header::traceparent;
      break;
    case 12:
      if (equals_ignoring_case(name, "x-request-id")) return api::Header::request_id;
      if (equals_ignoring_case(name, "queue-ticket")) return api::Header::queue_ticket;
      break;
    case 13:
      if (equals_ignoring_case(name, "last-event-id")) return api::Header::last_event_id;
      if (equals_ignoring_case(name, "x-customer-id")) return api::Header::customer_id;
      break;
    case 15:
      if (equals_ignoring_case(name, "x-forwarded-for")) return api::Header::forwarded_for;
      if (equals_ignoring_case(name, "idempotency-key")) return api::Header::idempotency_key;
      break;
    case 17:
      if (equals_ignoring_case(name, "webhook-timestamp")) return api::Header::webhook_timestamp;
      if (equals_ignoring_case(name, "webhook-signature")) return api::Header::webhook_signature;
      break;
    default: break;
  }
  return api::Header::count_;
}

/// Sent twice, these would let two servers in a row act for two different buyers or bodies.
bool is_single_value(api::Header header) {
  switch (header) {
    case api::Header::authorization:
    case api::Header::content_type:
    case api::Header::content_encoding:
    case api::Header::idempotency_key:
    case api::Header::queue_ticket:
    case api::Header::customer_id:
    case api::Header::last_event_id:
    case api::Header::webhook_id:
    case api::Header::webhook_timestamp:
    case api::Header::webhook_signature: return true;
    default: return false;
  }
}

}  // namespace

/// Reads a complete head in one go, which is why it lives only on the stack.
class RequestParser::HeadReader final : public beast::http::basic_parser<true> {
 public:
  explicit HeadReader(const char* base) : base_(base) {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // RequestParser holds both limits itself
    body_limit(boost::none);
  }

  api::Method method = api::Method::other;
  int version = 11;
  std::string_view target;
  std::string_view content_length;
  std::string_view transfer_encoding;
  std::string_view expect;
  std::string_view host;
  unsigned content_lengths = 0;
  unsigned transfer_encodings = 0;
  unsigned expects = 0;
  unsigned hosts = 0;
  std::array<Slice, api::kHeaderCount> headers;
  std::string_view refused;  ///< set: why

 private:
  void on_request_impl(beast::http::verb verb, BeastView raw_method, BeastView raw_target, int raw_version,
                       BeastError& ec) override {
    ec = {};
    // As is_plausible_start() has it for a head that comes in pieces.
    if (raw_method.size() > kMethodBytesMax) refused = "the request line does not begin with a method";
    method = to_method(verb);
    target = to_std(raw_target);
    version = raw_version;
  }

  void on_field_impl(beast::http::field field, BeastView raw_name, BeastView raw_value, BeastError& ec) override {
    ec = {};
    const std::string_view value = to_std(raw_value);
    switch (field) {
      case beast::http::field::host: host = value, ++hosts; return keep(api::Header::host, value);
      case beast::http::field::content_length: content_length = value, ++content_lengths; return;
      case beast::http::field::transfer_encoding: transfer_encoding = value, ++transfer_encodings; return;
      case beast::http::field::expect: expect = value, ++expects; return;
      default: keep(to_header(field, to_std(raw_name)), value);
    }
  }

  // A head is all it is given: nothing else is ever called.
  void on_response_impl(int, BeastView, int, BeastError&) override {}
  void on_header_impl(BeastError&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, BeastError&) override {}
  std::size_t on_body_impl(BeastView, BeastError&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, BeastView, BeastError&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView, BeastError&) override { return 0; }
  void on_finish_impl(BeastError&) override {}

  void keep(api::Header header, std::string_view value) {
    if (header == api::Header::count_) return;
    const auto index = static_cast<std::size_t>(header);
    const std::uint32_t bit = 1U << index;
    if ((seen_ & bit) != 0) {
      if (is_single_value(header)) refused = "a header field that may occur once was sent twice";
      // Trace Context: two are as good as none, and nothing to refuse a request for.
      if (header == api::Header::traceparent) headers[index] = {};
      // What a proxy adds stands behind what the client has written itself.
      if (header != api::Header::forwarded_for) return;
    }
    seen_ |= bit;
    headers[index] = {static_cast<std::uint32_t>(value.data() - base_), static_cast<std::uint32_t>(value.size())};
  }

  const char* base_;
  std::uint32_t seen_ = 0;
  static_assert(api::kHeaderCount <= 32);
};

RequestParser::RequestParser(const ParserLimits& limits) : limits_(limits) {}

void RequestParser::reset() {
  state_ = State::head;
  method_ = api::Method::get;
  is_http_1_0_ = keep_alive_ = expects_continue_ = is_chunked_ = false;
  line_start_ = scanned_ = start_ = first_line_end_ = head_end_ = 0;
  body_bytes_ = 0;
  target_ = path_ = query_ = {};
  headers_ = {};
}

RequestParser::State RequestParser::parse(char* data, std::size_t& size) {
  if (state_ == State::head) parse_head(data, size);
  if (state_ == State::body) parse_body(data, size);
  return state_;
}

RequestParser::State RequestParser::fail(api::ProblemType type, std::string_view detail) {
  failure_ = {type, detail};
  return state_ = State::failed;
}

RequestParser::State RequestParser::parse_head(const char* data, std::size_t size) {
  const bool is_whole = find_head_end({data, size});
  if (state_ == State::failed) return state_;
  if ((is_whole ? head_end_ : size) > limits_.header_bytes_max) {
    return fail(api::ProblemType::headers_too_large, "the request line and header fields are larger than accepted");
  }
  if (!is_whole) {
    return is_plausible_start({data, size}) ? state_ : malformed("this is not an HTTP/1.1 request");
  }
  HeadReader reader(data);
  BeastError ec;
  reader.put({data + start_, head_end_ - start_}, ec);
  method_ = reader.method;  // known even when the rest is refused: the answer to HEAD has no body
  if (!ec) return check_head(data, reader);
  if (ec == beast::http::error::bad_version) return malformed("the protocol is not HTTP/1.0 or HTTP/1.1");
  if (ec == beast::http::error::bad_method) return malformed("the request line does not begin with a method");
  if (ec == beast::http::error::bad_target) return malformed("the request target is not valid");
  if (ec == beast::http::error::bad_field) return malformed("a header field has no valid name");
  if (ec == beast::http::error::bad_value) return malformed("a header field has no valid value");
  if (ec == beast::http::error::bad_content_length) return malformed("Content-Length is not one number");
  if (ec == beast::http::error::multiple_content_length) return malformed("Content-Length was sent twice");
  if (ec == beast::http::error::bad_transfer_encoding) return malformed("Transfer-Encoding is ambiguous");
  return malformed("the head of the request is not valid");
}

/// Beast accepts folded lines and would wait for ever on bare line feeds, so lines are looked at here first.
bool RequestParser::find_head_end(std::string_view bytes) {
  for (;;) {
    if (scanned_ >= bytes.size()) return false;
    const void* found = std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_);
    if (found == nullptr) {
      scanned_ = static_cast<std::uint32_t>(bytes.size());
      return false;
    }
    const auto end = static_cast<std::uint32_t>(static_cast<const char*>(found) - bytes.data());
    if (end == line_start_ || bytes[end - 1] != '\r') {
      malformed("a line does not end with CR LF");
      return false;
    }
    const bool is_first = line_start_ == start_;
    const bool is_empty = end - 1 == line_start_;
    const char first = bytes[line_start_];
    scanned_ = end + 1;
    if (is_empty && is_first) {
      start_ = scanned_;  // RFC 9112, 2.2: empty lines before a request are skipped
    } else if (is_empty) {
      head_end_ = scanned_;
      return true;
    } else if (first == ' ' || first == '\t') {
      malformed("a line begins with white space");
      return false;
    } else if (is_first) {
      first_line_end_ = scanned_;
    }
    line_start_ = scanned_;
  }
}

/// Tells bytes of another protocol as soon as they come; waiting for an end of the head would only run into the
/// timeout.
bool RequestParser::is_plausible_start(std::string_view bytes) const {
  const std::string_view line = bytes.substr(std::min<std::size_t>(start_, bytes.size()));
  if (line.starts_with('\r')) return line.size() == 1;
  std::size_t method_bytes = 0;
  while (method_bytes < line.size() && is_token_char(line[method_bytes])) ++method_bytes;
  if (method_bytes > kMethodBytesMax) return false;
  if (method_bytes < line.size() && (method_bytes == 0 || line[method_bytes] != ' ')) return false;
  if (first_line_end_ == 0) return true;
  const std::string_view whole = bytes.substr(start_, first_line_end_ - 2 - start_);
  return whole.ends_with(" HTTP/1.1") || whole.ends_with(" HTTP/1.0");
}

RequestParser::State RequestParser::check_head(const char* data, const HeadReader& reader) {
  is_http_1_0_ = reader.version == 10;
  if (!reader.refused.empty()) return malformed(reader.refused);
  if (reader.hosts > 1) return malformed("Host was sent twice");
  if (reader.hosts == 0 && !is_http_1_0_) return malformed("Host is missing");
  if (reader.host.find_first_of(" \t,/\\?#@") != std::string_view::npos) return malformed("Host is not valid");
  if (reader.transfer_encodings != 0) {
    if (is_http_1_0_) return malformed("HTTP/1.0 has no Transfer-Encoding");
    if (reader.content_lengths != 0) return malformed("Transfer-Encoding and Content-Length exclude each other");
    if (reader.transfer_encodings > 1 || !equals_ignoring_case(reader.transfer_encoding, "chunked")) {
      return malformed("the only Transfer-Encoding is chunked");
    }
    is_chunked_ = true;
    chunks_ = ChunkDecoder(limits_.body_bytes_max);
  }
  if (reader.content_lengths > 1) return malformed("Content-Length was sent twice");
  if (reader.content_lengths == 1) {
    const std::string_view digits = reader.content_length;
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (digits.empty() || digits.size() > 19 || !std::all_of(digits.begin(), digits.end(), is_digit)) {
      return malformed("Content-Length is not one number");
    }
    body_bytes_ = 0;
    for (const char digit : digits) body_bytes_ = body_bytes_ * 10 + static_cast<std::size_t>(digit - '0');
  }
  if (reader.expects != 0 && !is_http_1_0_) {
    if (reader.expects > 1 || !equals_ignoring_case(reader.expect, "100-continue")) {
      return malformed("the only expectation that can be met is 100-continue");
    }
    expects_continue_ = is_chunked_ || body_bytes_ != 0;
  }
  target_ = {static_cast<std::uint32_t>(reader.target.data() - data), static_cast<std::uint32_t>(reader.target.size())};
  if (reader.target.size() > limits_.target_bytes_max) return malformed("the request target is too long");
  if (!split_target(reader.target)) return malformed("the request target is not valid");
  if (body_bytes_ > limits_.body_bytes_max) {
    return fail(api::ProblemType::payload_too_large, "the body is larger than accepted");
  }
  keep_alive_ = reader.keep_alive();
  headers_ = reader.headers;
  return state_ = State::body;
}

bool RequestParser::split_target(std::string_view target) {
  const auto is_valid = [](char c) { return c > 0x20 && c < 0x7f && c != '#'; };
  if (!std::all_of(target.begin(), target.end(), is_valid)) return false;
  std::size_t begin = 0;
  if (!target.starts_with('/')) {
    if (target == "*") {
      path_ = target_;
      return method_ == api::Method::options;
    }
    const std::size_t scheme = starts_with_ignoring_case(target, "http://")    ? 7
                               : starts_with_ignoring_case(target, "https://") ? 8
                                                                               : 0;
    if (scheme == 0) return false;
    begin = std::min(target.find_first_of("/?", scheme), target.size());
    if (begin == scheme) return false;
  }
  const std::size_t path_end = std::min(target.find('?', begin), target.size());
  const std::size_t query_begin = std::min(path_end + 1, target.size());
  path_ = {static_cast<std::uint32_t>(target_.offset + begin), static_cast<std::uint32_t>(path_end - begin)};
  query_ = {static_cast<std::uint32_t>(target_.offset + query_begin),
            static_cast<std::uint32_t>(target.size() - query_begin)};
  return true;
}

RequestParser::State RequestParser::parse_body(char* data, std::size_t& size) {
  if (is_chunked_) return parse_chunks(data, size);
  return size - head_end_ >= body_bytes_ ? state_ = State::complete : state_;
}

RequestParser::State RequestParser::parse_chunks(char* data, std::size_t& size) {
  char* const begin = data + message_bytes();
  const ChunkDecoder::Step step = chunks_.decode(begin, size - message_bytes());
  body_bytes_ += step.decoded;
  size -= step.read - step.decoded;
  std::memmove(begin + step.decoded, begin + step.read, size - message_bytes());
  switch (step.state) {
    case ChunkDecoder::State::need_more: return state_;
    case ChunkDecoder::State::complete: return state_ = State::complete;
    case ChunkDecoder::State::malformed: return malformed("the chunks of the body are not valid");
    case ChunkDecoder::State::too_large: break;
  }
  return fail(api::ProblemType::payload_too_large, "the body is larger than accepted");
}

void RequestParser::view(const char* data, api::Request& request) const {
  const auto text = [data](Slice slice) { return std::string_view(data + slice.offset, slice.size); };
  request.method = method_;
  request.target = text(target_);
  request.path = path_.size == 0 ? std::string_view("/") : text(path_);
  request.query = text(query_);
  for (std::size_t i = 0; i < headers_.size(); ++i) request.headers[i] = text(headers_[i]);
  request.body = state_ == State::complete ? std::string_view(data + head_end_, body_bytes_) : std::string_view();
}

}  // namespace flashsale::http
