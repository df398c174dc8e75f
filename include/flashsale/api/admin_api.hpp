#pragma once
#include <memory>
#include <string>

#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"
#include "flashsale/identity/watch_links.hpp"

namespace flashsale::api {

/// For those who watch how sales go.
struct WatchParts {
  const identity::WatchLinks& links;  ///< of the thread that serves admins; replaced between two calls
  std::string instance;               ///< which process this is: host and number
};

/// The endpoints of the admin listener for one I/O thread.
class AdminApi {
 public:
  AdminApi(ProcessParts& process, ThreadParts thread, const WatchParts& watch);
  ~AdminApi();
  /// Valid as long as this object.
  [[nodiscard]] const Routes& routes() const;
  /// Ends streams, whose clients come again: other tokens hold from now on. On the thread that serves, as the next.
  void tokens_replaced();
  /// Ends streams and calls that wait: the process is about to end.
  void start_draining();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flashsale::api
