#pragma once
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"
#include "flashsale/api/stream_places.hpp"
#include "live_feed.hpp"
#include "stream_hub.hpp"

namespace flashsale::api {

/// A sale as it stands, told to whoever listens.
class LiveEndpoints {
 public:
  LiveEndpoints(ProcessParts& process, ThreadParts thread, StreamPlaces& places);
  void add_routes(Routes& routes);
  /// Ends the streams: their clients come again, to another instance.
  void start_draining() { hub_.end_all(); }

 private:
  void listen(Exchange& exchange);
  void open(Exchange& exchange, const catalog::SaleSnapshot& sale);

  ProcessParts& process_;
  ThreadParts thread_;
  StreamPlaces& places_;
  StreamHub hub_;
  LiveFeed feed_;
};

}  // namespace flashsale::api
