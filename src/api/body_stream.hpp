#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "flashsale/api/exchange.hpp"

namespace flashsale::api {

/// A streamed answer for a thread that blocks, as one that reads rows does. Each call waits until the client has taken
/// the piece before, so two pieces are in memory at most: one on its way, one being made. What was begun and not ended
/// is cut when this goes.
class BodyStream {
 public:
  using Clock = std::chrono::steady_clock;

  /// Nothing is waited for beyond `deadline`.
  BodyStream(std::shared_ptr<Exchange> exchange, Clock::time_point deadline);
  ~BodyStream();
  BodyStream(const BodyStream&) = delete;
  BodyStream& operator=(const BodyStream&) = delete;

  /// 200 with these. False: nothing is to follow, and nothing else to be answered.
  [[nodiscard]] bool begin(std::string_view content_type, std::string headers);
  /// False: the client has gone, or time is up.
  [[nodiscard]] bool write(std::string piece);
  /// The body is whole.
  [[nodiscard]] bool end();
  [[nodiscard]] bool has_begun() const { return has_begun_; }

 private:
  struct Step;
  void take(std::function<void(Exchange&, const PieceTaken&)> step);
  [[nodiscard]] bool wait();

  std::shared_ptr<Exchange> exchange_;
  Clock::time_point deadline_;
  std::shared_ptr<Step> step_;
  bool has_begun_ = false;
  bool is_open_ = false;
};

}  // namespace flashsale::api
