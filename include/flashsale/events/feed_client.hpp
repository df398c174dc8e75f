#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "flashsale/outbound/http_client.hpp"

namespace flashsale::events {

/// Asks another process's feed for pages. One thread; interrupt() any.
class FeedClient {
 public:
  /// `admin_url`: `http://HOST:PORT`, or https.
  explicit FeedClient(std::string admin_url);

  struct Page {
    std::optional<std::int64_t> after;  ///< empty: from the oldest that is kept
    std::int32_t limit = 1000;
    std::chrono::seconds wait{0};  ///< for new events, at most 30
  };
  struct Answer {
    int status = 0;  ///< 0: there was none
    std::string body{};
    std::string error{};  ///< why there was none
    bool is_interrupted = false;
  };
  /// `token`: without line ends. It stands in no error and no log.
  [[nodiscard]] Answer get(const Page& page, const std::string& token);
  /// Ends a get(), and all that come later, at once.
  void interrupt() { client_.interrupt(); }

 private:
  std::string admin_url_;
  outbound::HttpClient client_;
};

}  // namespace flashsale::events
