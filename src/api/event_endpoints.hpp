#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "access_notes.hpp"
#include "event_feed.hpp"
#include "event_page.hpp"
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"
#include "flashsale/identity/admin_tokens.hpp"
#include "stream_hub.hpp"

namespace flashsale::api {

/// What happened: events by page, by long poll and as a stream, and how far each sink has been told of them.
class EventEndpoints {
 public:
  EventEndpoints(ProcessParts& process, ThreadParts thread);
  void add_routes(Routes& routes);
  /// Ends streams: their clients come again, with a token that may not be good any more.
  void tokens_replaced() { hub_.end_present(); }
  /// Ends streams and calls that wait.
  void start_draining();

 private:
  void list(Exchange& exchange, const identity::AdminTokens::Admin& admin);
  void wait(Exchange& exchange, EventQuery query, std::chrono::seconds wait);
  void stream(Exchange& exchange, const identity::AdminTokens::Admin& admin);
  void list_sinks(Exchange& exchange);
  void listen_to_log();
  [[nodiscard]] bool read(EventQuery query, EventFeed::PageRead then);

  ProcessParts& process_;
  boost::asio::io_context& context_;
  AccessNotes notes_;
  StreamHub hub_;
  EventFeed feed_;
  bool listens_ = false;
};

}  // namespace flashsale::api
