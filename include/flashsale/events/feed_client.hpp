#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace flashsale::events {

/// Asks another process's feed for pages, over one connection that is kept. Answers and times are bounded; redirects
/// are not followed, proxies of the environment not used. One thread; interrupt() any.
class FeedClient {
 public:
  /// `admin_url`: `http://HOST:PORT`, or https.
  explicit FeedClient(std::string admin_url);
  ~FeedClient();
  FeedClient(const FeedClient&) = delete;
  FeedClient& operator=(const FeedClient&) = delete;

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
  void interrupt();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flashsale::events
