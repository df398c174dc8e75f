#pragma once
#include <optional>
#include <string_view>

#include "flashsale/api/admin_api.hpp"
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"
#include "ops_feed.hpp"
#include "stream_hub.hpp"

namespace flashsale::api {

/// What the page for operators is fed with: a document a second, and links for those who only watch.
class OpsEndpoints {
 public:
  OpsEndpoints(ProcessParts& process, ThreadParts thread, const WatchParts& watch);
  void add_routes(Routes& routes);
  /// Ends streams: their clients come again, with a token that may not be good any more.
  void tokens_replaced() { hub_.end_present(); }
  /// Ends streams.
  void start_draining() { hub_.end_all(); }

 private:
  void stream(Exchange& exchange);
  void make_link(Exchange& exchange, const identity::AdminTokens::Admin& admin);
  [[nodiscard]] OpsReading look();
  void read_events();

  ProcessParts& process_;
  ThreadParts thread_;
  const identity::WatchLinks& links_;
  StreamHub hub_;
  OpsFeed feed_;
  std::size_t link_watchers_ = 0;
  std::optional<EventsReading> events_;  ///< as of the last second or so
  bool is_reading_events_ = false;
};

}  // namespace flashsale::api
