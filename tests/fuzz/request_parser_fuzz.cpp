// Any bytes that a client may send, one request behind the other. Which requests are read out of them must not depend
// on how the bytes were cut into pieces; they must lie within the bytes; and whatever is let through must be framed in
// the one way that every server understands alike, by the measure of a reader written apart from the parser.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/check.hpp"
#include "http/request_parser.hpp"

namespace flashsale::http {
namespace {

using State = RequestParser::State;

// Small, so that inputs reach them.
constexpr ParserLimits kLimits{.header_bytes_max = 1024, .body_bytes_max = 128, .target_bytes_max = 96};
constexpr std::size_t kDrippedBytesMax = 700;  // feeding byte by byte costs the square of the size
constexpr std::size_t kRandomSplits = 2;

struct Message {
  api::Method method = api::Method::get;
  bool is_http_1_0 = false, keep_alive = false, expects_continue = false;
  std::string target, path, query, body;
  std::vector<std::string> headers;
  std::string raw;  // as it was sent

  bool operator==(const Message&) const = default;
};

struct Conversation {
  std::vector<Message> messages;  // the last one has a head only, if the state is `body`
  State state = State::head;
  api::ProblemType problem = api::ProblemType::malformed_request;
};

/// What a connection does with a parser, but with buffers of the exact size, so that AddressSanitizer sees a step
/// beyond either end.
class Reader {
 public:
  void feed(std::string_view piece) {
    sent_ += piece;
    pending_ += piece;
    while (parser_.state() != State::failed && step()) continue;
  }

  Conversation end() {
    conversation_.state = parser_.state();
    if (conversation_.state == State::failed) conversation_.problem = parser_.failure().type;
    if (conversation_.state == State::body) {
      const auto bytes = exact_copy();
      conversation_.messages.push_back(message(bytes.get(), pending_.size()));
    }
    return std::move(conversation_);
  }

 private:
  /// False: more bytes are needed.
  bool step() {
    const auto bytes = exact_copy();
    std::size_t size = pending_.size();
    const State state = parser_.parse(bytes.get(), size);
    FLASHSALE_CHECK(size <= pending_.size() && state == parser_.state());
    pending_.assign(bytes.get(), size);
    if (state != State::complete) return false;
    FLASHSALE_CHECK(parser_.message_bytes() <= size && parser_.message_bytes() > 0);
    Message complete = message(bytes.get(), size);
    pending_.erase(0, parser_.message_bytes());
    complete.raw = sent_.substr(0, sent_.size() - pending_.size());
    sent_.erase(0, complete.raw.size());
    conversation_.messages.push_back(std::move(complete));
    parser_.reset();
    return !pending_.empty();
  }

  [[nodiscard]] std::unique_ptr<char[]> exact_copy() const {
    auto bytes = std::make_unique<char[]>(pending_.size());
    std::memcpy(bytes.get(), pending_.data(), pending_.size());
    return bytes;
  }

  [[nodiscard]] Message message(const char* bytes, std::size_t size) const {
    api::Request request;
    parser_.view(bytes, request);
    const auto copy = [bytes, size](std::string_view part) {
      const bool is_inside = part.data() >= bytes && part.data() + part.size() <= bytes + size;
      FLASHSALE_CHECK(part.empty() || part == "/" || is_inside);
      return std::string(part);
    };
    Message out;
    out.method = request.method;
    out.is_http_1_0 = parser_.is_http_1_0();
    out.keep_alive = parser_.keep_alive();
    out.expects_continue = parser_.expects_continue();
    out.target = copy(request.target);
    out.path = copy(request.path);
    out.query = copy(request.query);
    out.body = copy(request.body);
    for (const std::string_view header : request.headers) out.headers.push_back(copy(header));
    return out;
  }

  RequestParser parser_{kLimits};
  std::string sent_;     // since the start of the request, as sent
  std::string pending_;  // the same without the framing of chunks that was taken out
  Conversation conversation_;
};

void require_same(const Conversation& whole, const Conversation& split) {
  FLASHSALE_CHECK(whole.state == split.state);
  FLASHSALE_CHECK(whole.messages == split.messages);
  // Of a head that is too large and broken, what comes first is told.
  const auto is_size = [](const Conversation& c) { return c.problem == api::ProblemType::headers_too_large; };
  FLASHSALE_CHECK(whole.problem == split.problem || is_size(whole) || is_size(split));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Takes a line off the front; it must end with CR LF and have no other CR, LF or NUL.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  FLASHSALE_CHECK(end != std::string_view::npos);
  const std::string_view line = rest.substr(0, end);
  FLASHSALE_CHECK(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  rest.remove_prefix(end + 2);
  return line;
}

std::string unchunk(std::string_view& rest) {
  std::string body;
  for (;;) {
    const std::string_view line = take_line(rest);
    const std::size_t digits = std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
    FLASHSALE_CHECK(digits > 0);
    FLASHSALE_CHECK(digits == line.size() || trim(line.substr(digits)).front() == ';');
    const std::size_t size = std::stoul(std::string(line.substr(0, digits)), nullptr, 16);
    FLASHSALE_CHECK(size <= rest.size());
    if (size == 0) break;
    body += rest.substr(0, size);
    rest.remove_prefix(size);
    FLASHSALE_CHECK(take_line(rest).empty());
  }
  while (!take_line(rest).empty()) continue;
  return body;
}

/// Aborts when another server could take the message for something else.
void require_unambiguous(const Message& message) {
  std::string_view rest = message.raw;
  std::string_view line;
  do line = take_line(rest);
  while (line.empty());
  FLASHSALE_CHECK(line.ends_with(message.is_http_1_0 ? " HTTP/1.0" : " HTTP/1.1"));
  FLASHSALE_CHECK(std::count(line.begin(), line.end(), ' ') == 2);

  std::vector<std::string> names;
  std::string encoding, length;
  for (line = take_line(rest); !line.empty(); line = take_line(rest)) {
    const std::size_t colon = line.find(':');
    FLASHSALE_CHECK(colon != std::string_view::npos && colon > 0);
    FLASHSALE_CHECK(line.substr(0, colon).find_first_of(" \t") == std::string_view::npos);
    names.push_back(lower(line.substr(0, colon)));
    if (names.back() == "transfer-encoding") encoding = lower(trim(line.substr(colon + 1)));
    if (names.back() == "content-length") length = trim(line.substr(colon + 1));
  }
  const auto times = [&names](std::string_view name) { return std::count(names.begin(), names.end(), name); };
  for (const char* const name : {"host", "transfer-encoding", "content-length", "authorization", "content-type",
                                 "idempotency-key", "queue-ticket", "x-customer-id"}) {
    FLASHSALE_CHECK(times(name) <= 1);
  }
  FLASHSALE_CHECK(message.is_http_1_0 || times("host") == 1);
  FLASHSALE_CHECK(times("transfer-encoding") + times("content-length") <= 1);
  if (times("transfer-encoding") == 1) {
    FLASHSALE_CHECK(encoding == "chunked" && !message.is_http_1_0);
    FLASHSALE_CHECK(unchunk(rest) == message.body);
    FLASHSALE_CHECK(rest.empty());
  } else {
    FLASHSALE_CHECK(rest == message.body);
    if (times("content-length") == 1) FLASHSALE_CHECK(all_digits(length) && std::stoull(length) == rest.size());
    else FLASHSALE_CHECK(rest.empty());
  }
  FLASHSALE_CHECK(message.body.size() <= kLimits.body_bytes_max);
  FLASHSALE_CHECK(message.target.size() <= kLimits.target_bytes_max);
  FLASHSALE_CHECK(std::all_of(message.target.begin(), message.target.end(), [](char c) { return c > ' ' && c < 127; }));
}

Conversation read_split(std::string_view bytes, std::minstd_rand& random) {
  Reader reader;
  const std::size_t most = 1 + random() % std::max<std::size_t>(bytes.size(), 1);
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(1 + random() % most, bytes.size());
    reader.feed(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return reader.end();
}

void test(std::string_view bytes) {
  Reader reader;
  reader.feed(bytes);
  const Conversation whole = reader.end();
  const std::size_t complete = whole.messages.size() - (whole.state == State::body ? 1 : 0);
  for (std::size_t i = 0; i < complete; ++i) require_unambiguous(whole.messages[i]);

  // The places follow from the bytes: an input that failed fails again.
  std::minstd_rand random(static_cast<std::uint32_t>(std::hash<std::string_view>{}(bytes)));
  for (std::size_t i = 0; i < kRandomSplits; ++i) require_same(whole, read_split(bytes, random));
  if (bytes.size() > kDrippedBytesMax) return;
  Reader dripped;
  for (std::size_t i = 0; i < bytes.size(); ++i) dripped.feed(bytes.substr(i, 1));
  require_same(whole, dripped.end());
}

}  // namespace
}  // namespace flashsale::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  flashsale::http::test({reinterpret_cast<const char*>(data), size});
  return 0;
}
