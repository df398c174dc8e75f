#include "live_feed.hpp"

#include <algorithm>
#include <utility>

namespace flashsale::api {
namespace {

/// A sale opens by the clock, without a new snapshot, if it comes to that.
constexpr std::chrono::milliseconds kLookMax{100};

}  // namespace

LiveFeed::LiveFeed(boost::asio::io_context& context, const catalog::Catalog& catalog, Options options)
    : catalog_(catalog), options_(options), timer_(context) {}

void LiveFeed::follow(const StreamPtr& stream, const std::string& sale_id, std::shared_ptr<void> place) {
  auto& watched = sales_[sale_id];
  if (!watched) watched = std::make_shared<Watched>();
  const auto now = std::chrono::steady_clock::now();
  look(sale_id, *watched, now);
  if (watched->is_gone) return stream->end();
  stream->on_end([place = std::move(place)] {});
  Listener listener{stream, watched};
  tell(listener, now);
  auto& smallest = *std::ranges::min_element(shares_, {}, &std::vector<Listener>::size);
  smallest.push_back(std::move(listener));
  schedule();
}

void LiveFeed::look(const std::string& sale_id, Watched& watched, catalog::SteadyTime now) {
  const auto& snapshot = *catalog_.snapshot();
  if (watched.snapshot_no == snapshot.number && now - watched.looked_at < kLookMax) return;
  watched.snapshot_no = snapshot.number;
  watched.looked_at = now;
  const auto sale = snapshot.find(sale_id);
  watched.is_gone = !sale || sale->sale->is_draft;
  if (watched.is_gone) return;
  // The same for everybody, so no customer is meant.
  const bool shows_counts = snapshot.flags->is_on(Feature::live_stock, sale_id, {});
  watched.live.look(*sale, shows_counts ? ShownStock::counts : ShownStock::availability, now);
}

/// Forgets sales that nobody listens to.
void LiveFeed::look_at_all(catalog::SteadyTime now) {
  std::erase_if(sales_, [](const auto& sale) { return sale.second.use_count() == 1; });
  for (const auto& [sale_id, watched] : sales_) look(sale_id, *watched, now);
}

void LiveFeed::tell(Listener& listener, catalog::SteadyTime now) {
  auto& live = listener.watched->live;
  if (listener.watched->is_gone) return listener.stream->end();
  if (now < listener.not_before || !listener.stream->is_idle()) return;
  int events = 0;
  if (listener.state_told != live.state_version()) {
    listener.stream->push(live.state(now));
    listener.state_told = live.state_version();
    ++events;
  }
  if (listener.stock_told != live.stock_version()) {
    listener.stream->push(live.stock_since(listener.stock_told));
    listener.stock_told = live.stock_version();
    ++events;
  }
  listener.not_before = now + events * options_.interval;
}

void LiveFeed::tell_share() {
  const auto now = std::chrono::steady_clock::now();
  look_at_all(now);
  auto& share = shares_[next_share_++ % kShares];
  std::erase_if(share, [](const Listener& listener) { return !listener.stream->is_open(); });
  for (auto& listener : share) tell(listener, now);
}

/// The timer rests while nobody listens.
void LiveFeed::schedule() {
  if (std::exchange(is_scheduled_, true)) return;
  timer_.expires_after(options_.interval / kShares);
  timer_.async_wait([this](const boost::system::error_code& error) {
    is_scheduled_ = false;
    if (error) return;
    tell_share();
    if (std::ranges::any_of(shares_, [](const auto& share) { return !share.empty(); })) schedule();
  });
}

}  // namespace flashsale::api
