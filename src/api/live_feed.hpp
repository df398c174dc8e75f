#pragma once
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "flashsale/catalog/catalog.hpp"
#include "live_sale.hpp"
#include "stream_hub.hpp"

namespace flashsale::api {

/// Tells the streams of one I/O thread how their sales stand: the present, not what led to it. Each is told at most so
/// often, and not before it has taken what it was told last: who reads slowly hears less, and always the newest.
class LiveFeed {
 public:
  struct Options {
    std::chrono::milliseconds interval{250};  ///< between two events of one stream
  };
  LiveFeed(boost::asio::io_context& context, const catalog::Catalog& catalog, Options options);
  LiveFeed(const LiveFeed&) = delete;
  LiveFeed& operator=(const LiveFeed&) = delete;

  /// Tells of the sale until the stream ends, or there is no such sale any more. Holds `place` until then.
  void follow(const StreamPtr& stream, const std::string& sale_id, std::shared_ptr<void> place);

 private:
  /// Listeners are looked at in turn, a share of them at a time: nobody's request waits until all have been told.
  static constexpr std::size_t kShares = 10;

  struct Watched {
    LiveSale live;
    std::uint64_t snapshot_no = 0;  ///< looked at last; 0: never
    catalog::SteadyTime looked_at{};
    bool is_gone = false;
  };
  struct Listener {
    StreamPtr stream;
    std::shared_ptr<Watched> watched;
    std::uint64_t stock_told = 0;
    std::uint64_t state_told = 0;
    catalog::SteadyTime not_before{};
  };

  void schedule();
  void tell_share();
  void tell(Listener& listener, catalog::SteadyTime now);
  void look(const std::string& sale_id, Watched& watched, catalog::SteadyTime now);
  void look_at_all(catalog::SteadyTime now);

  const catalog::Catalog& catalog_;
  Options options_;
  std::array<std::vector<Listener>, kShares> shares_;
  std::size_t next_share_ = 0;
  std::unordered_map<std::string, std::shared_ptr<Watched>> sales_;
  boost::asio::steady_timer timer_;
  bool is_scheduled_ = false;
};

}  // namespace flashsale::api
