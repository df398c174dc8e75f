#include "response_writer.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "flashsale/model/check.hpp"

namespace flashsale::http {
namespace {

constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
// Names, colons and line ends of the fields that append_response writes itself, and the largest numbers in them.
constexpr std::size_t kFrameBytesMax = 256;

/// Copies behind a pointer whose room was made sure of once for the whole response.
class Cursor {
 public:
  explicit Cursor(char* at) : at_(at) {}
  Cursor& operator<<(std::string_view text) {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Cursor& operator<<(std::size_t number) {
    at_ = std::to_chars(at_, at_ + 20, number).ptr;
    return *this;
  }
  [[nodiscard]] char* at() const { return at_; }

 private:
  char* at_;
};

Cursor& two_digits(Cursor& out, int number) {
  return out << (number < 10 ? "0" : "") << static_cast<std::size_t>(number);
}

}  // namespace

std::string_view DateCache::field(std::time_t now_s) {
  if (now_s != made_for_) {
    std::tm utc{};
    FLASHSALE_CHECK(gmtime_r(&now_s, &utc) != nullptr);
    Cursor out(text_.data());
    out << "Date: " << kDays[static_cast<std::size_t>(utc.tm_wday)] << ", ";
    two_digits(out, utc.tm_mday) << " " << kMonths[static_cast<std::size_t>(utc.tm_mon)] << " "
                                 << static_cast<std::size_t>(std::clamp(utc.tm_year + 1900, 0, 9999)) << " ";
    two_digits(out, utc.tm_hour) << ":";
    two_digits(out, utc.tm_min) << ":";
    two_digits(out, utc.tm_sec) << " GMT\r\n";
    size_ = static_cast<std::size_t>(out.at() - text_.data());
    made_for_ = now_s;
  }
  return {text_.data(), size_};
}

void append_response(ByteBuffer& out, const api::Reply& reply, const ResponseFrame& frame) {
  const bool may_have_body = reply.status >= 200 && reply.status != 204 && reply.status != 304;
  const bool follows = frame.framing != BodyFraming::length;
  const bool has_body = may_have_body && (follows || !reply.body.empty());
  const std::string_view reason = reason_phrase(reply.status);
  const std::size_t bytes_max = kFrameBytesMax + reason.size() + frame.date_field.size() + reply.content_type.size() +
                                frame.request_id.size() + frame.trace_response.size() + frame.extra_fields.size() +
                                reply.headers.size() + reply.body.size();
  char* const begin = out.prepare(bytes_max);
  Cursor to(begin);
  to << "HTTP/1.1 " << std::size_t{reply.status} << " " << reason << "\r\n" << frame.date_field;
  if (has_body) to << "Content-Type: " << reply.content_type << "\r\n";
  if (frame.framing == BodyFraming::chunked) to << "Transfer-Encoding: chunked\r\n";
  if (may_have_body && !follows) to << "Content-Length: " << reply.body.size() << "\r\n";
  to << "X-Request-Id: " << frame.request_id << "\r\n";
  if (!frame.trace_response.empty()) to << "traceresponse: " << frame.trace_response << "\r\n";
  if (frame.close) {
    to << "Connection: close\r\n";
  } else if (frame.keep_alive_1_0) {
    to << "Connection: keep-alive\r\n";
  }
  to << frame.extra_fields << reply.headers << "\r\n";
  if (has_body && !follows && !frame.without_body) to << reply.body;
  out.commit(static_cast<std::size_t>(to.at() - begin));
}

void append_chunk(ByteBuffer& out, std::string_view bytes) {
  FLASHSALE_CHECK(!bytes.empty());
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bytes.size(), 16).ptr;
  constexpr std::string_view kLineEnd = "\r\n";
  out.prepare(digits.size() + bytes.size() + 2 * kLineEnd.size());
  out.append({digits.data(), static_cast<std::size_t>(end - digits.data())});
  out.append(kLineEnd);
  out.append(bytes);
  out.append(kLineEnd);
}

void append_last_chunk(ByteBuffer& out) { out.append("0\r\n\r\n"); }

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Unknown";
  }
}

}  // namespace flashsale::http
