#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr;

namespace flashsale::outbound {

/// Calls other systems by HTTP, one call at a time over a connection that is kept. Everything about a call is bounded:
/// its time, the answer's head and body. Redirects are not followed, proxies of the environment not used. One thread;
/// interrupt() any.
class HttpClient {
 public:
  struct Options {
    bool https_only = false;
    std::string ca_file{};  ///< certificates that are trusted; empty: the system's
    /// Asked about each address before it is connected to, so that no name and no answer of a DNS server leads anywhere
    /// else. Empty: any address.
    std::function<bool(const sockaddr&)> may_connect{};
    std::size_t body_bytes_max = 65'536;  ///< of an answer: no more is read
    bool keeps_body = false;              ///< Answer::body has it; otherwise it is read and thrown away
  };

  explicit HttpClient(Options options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  struct Request {
    std::string url;
    std::vector<std::string> headers{};      ///< each `Name: value`; `Name:` takes away one that would be sent unasked
    std::optional<std::string_view> body{};  ///< is posted; without one: GET
    std::chrono::milliseconds time_max{10'000};
  };

  enum class End : std::uint8_t {
    answered,        ///< `status` says how
    body_too_large,  ///< the same, but the body was not read to its end
    head_too_large,
    address_refused,  ///< may_connect said no
    failed,           ///< `error` says how
  };
  struct Answer {
    End end = End::failed;
    int status = 0;  ///< 0: none was read
    std::string body{};
    std::string error{};  ///< a short text without any secret
    std::chrono::milliseconds time{0};
  };
  [[nodiscard]] Answer send(const Request& request);

  /// Ends a send(), and all that come later, at once.
  void interrupt();
  [[nodiscard]] bool is_interrupted() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flashsale::outbound
