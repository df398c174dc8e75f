#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "flashsale/model/time.hpp"
#include "ops_document.hpp"
#include "stream_hub.hpp"

namespace flashsale::api {

/// Tells all who watch how sales go: while there is somebody, one document a second, made once for all of them. Of one
/// I/O thread.
class OpsFeed {
 public:
  struct Parts {
    std::string instance;              ///< that is looked at
    std::function<OpsReading()> look;  ///< at this moment
    std::function<TimePoint()> now;    ///< the clock that `until` is of
    std::chrono::milliseconds interval{1000};
  };
  OpsFeed(boost::asio::io_context& context, Parts parts);
  OpsFeed(const OpsFeed&) = delete;
  OpsFeed& operator=(const OpsFeed&) = delete;

  /// Sends what is known at once, and then each second, until the stream ends; at `until` it is ended here.
  void follow(const StreamPtr& stream, TimePoint until);

 private:
  struct Watcher {
    StreamPtr stream;
    TimePoint until;
  };

  void tell();
  void tell_next();

  Parts parts_;
  boost::asio::steady_timer timer_;
  std::vector<Watcher> watchers_;
  std::optional<OpsReading> last_;  ///< empty: nobody watched a second ago
  Frame frame_;
  bool is_running_ = false;
};

}  // namespace flashsale::api
