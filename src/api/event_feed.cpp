#include "event_feed.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <map>
#include <utility>

namespace flashsale::api {
namespace {

/// What is read at once, and kept for clients to take.
constexpr std::size_t kPageEvents = 256;
constexpr std::size_t kPageBytes = std::size_t{128} * 1024;
/// Whoever has more to take is behind from then on, and takes pages at its own pace.
constexpr std::size_t kQueuedBytesMax = 2 * kPageBytes;
/// A stream that nothing passes to is told how far it has come all the same: it will not be looked through again.
constexpr std::int64_t kSilentPositionsMax = 1000;

EventQuery page_behind(std::int64_t after, EventFilter filter) {
  auto query = EventFeed::first_query(after, std::move(filter));
  query.goes_on = true;
  return query;
}

bool is_readable(const Result<EventPage>& page) { return page && page->is_readable(); }

}  // namespace

struct EventFeed::Poll {
  Poll(boost::asio::io_context& context, EventQuery wanted, PollAnswer then)
      : query(std::move(wanted)), answer(std::move(then)), timer(context) {}

  EventQuery query;
  PollAnswer answer;  ///< null: it is over
  boost::asio::steady_timer timer;
  bool is_live = false;
  std::chrono::steady_clock::time_point live_since{};
};

struct EventFeed::Follower {
  StreamPtr stream;
  EventFilter filter;
  std::int64_t after = 0;  ///< all up to here was sent, or did not pass
  std::int64_t told = 0;   ///< the client knows of having come so far
  bool is_live = false;
  bool wants_page = false;  ///< once the client has taken the last
};

EventFeed::EventFeed(boost::asio::io_context& context, Parts parts, Options options)
    : context_(context), parts_(std::move(parts)), options_(options), pause_(context) {}

EventFeed::~EventFeed() = default;

EventQuery EventFeed::first_query(std::optional<std::int64_t> after, EventFilter filter) {
  EventQuery query;
  query.after = after;
  query.filter = std::move(filter);
  query.limit = kPageEvents;
  query.bytes_max = kPageBytes;
  return query;
}

void EventFeed::announce() {
  if (!is_listening_ || is_announced_.exchange(true)) return;
  boost::asio::post(context_, [this] {
    is_announced_ = false;
    look();
  });
}

bool EventFeed::is_anybody_live() const {
  const auto is_live = [](const auto& one) { return one->is_live; };
  return std::ranges::any_of(followers_, is_live) || std::ranges::any_of(polls_, is_live);
}

/// Whether nobody would miss what lies between there and the head.
bool EventFeed::may_join(std::int64_t position, bool is_at_end) const {
  return is_anybody_live() ? position >= head_ : is_at_end;
}

/// Before the newcomer is live itself. What is announced from now on is looked at, and what was before is seen by that.
void EventFeed::join(std::int64_t position) {
  if (!is_anybody_live()) head_ = position;
  is_listening_ = true;
  boost::asio::post(context_, [this] { look(); });
}

/// Those who are live can be ahead of what is known here: then not as fast as it answers.
void EventFeed::read_again(bool is_at_end, std::function<void()> read) {
  if (!is_at_end) return read();
  const auto pause = std::make_shared<boost::asio::steady_timer>(context_, options_.breath);
  pause->async_wait([pause, read = std::move(read)](const boost::system::error_code& error) {
    if (!error) read();
  });
}

// ---- calls that wait

EventFeed::PollPtr EventFeed::wait(EventQuery query, std::chrono::steady_clock::time_point deadline,
                                   PollAnswer answer) {
  if (polls_.size() >= options_.polls_max) return nullptr;
  query.goes_on = true;
  auto poll = std::make_shared<Poll>(context_, std::move(query), std::move(answer));
  polls_.push_back(poll);
  parts_.polls.Set(static_cast<double>(polls_.size()));
  // From the loop, as all answers come: this call is not over yet.
  poll->timer.expires_at(is_ending_ ? std::chrono::steady_clock::now() : deadline);
  poll->timer.async_wait([this, poll](const boost::system::error_code& error) {
    if (error) return;
    EventPage empty;
    empty.next_after = poll->query.after.value_or(0);
    settle(poll, empty, poll->timer.expiry());
  });
  read_for(poll);
  return poll;
}

void EventFeed::read_for(const PollPtr& poll) {
  // If too many wait to read, the call ends when its time is up.
  parts_.read(poll->query, [this, poll](const Result<EventPage>& page) {
    if (!poll->answer) return;
    if (!is_readable(page) || !page->events.empty()) return settle(poll, page, {});
    poll->query.after = page->next_after;
    if (!may_join(page->next_after, page->is_at_end)) {
      return read_again(page->is_at_end, [this, poll] {
        if (poll->answer) read_for(poll);
      });
    }
    join(page->next_after);
    poll->is_live = true;
    poll->live_since = std::chrono::steady_clock::now();
  });
}

void EventFeed::settle(const PollPtr& poll, const Result<EventPage>& page,
                       std::chrono::steady_clock::time_point waited_until) {
  if (!poll->answer) return;
  const auto answer = std::exchange(poll->answer, nullptr);
  const bool has_waited = poll->is_live && waited_until > poll->live_since;
  forget(poll);
  answer(page, has_waited ? waited_until - poll->live_since : std::chrono::steady_clock::duration{});
}

void EventFeed::forget(const PollPtr& poll) {
  poll->answer = nullptr;
  poll->timer.cancel();
  std::erase(polls_, poll);
  parts_.polls.Set(static_cast<double>(polls_.size()));
}

void EventFeed::end_waits() {
  is_ending_ = true;
  for (const auto& poll : std::vector<PollPtr>(polls_)) {
    EventPage empty;
    empty.next_after = poll->query.after.value_or(0);
    settle(poll, empty, std::chrono::steady_clock::now());
  }
}

// ---- streams that have yet to catch up

void EventFeed::follow(const StreamPtr& stream, const EventFilter& filter, const EventPage& first) {
  auto follower = std::make_shared<Follower>();
  follower->stream = stream;
  follower->filter = filter;
  follower->told = first.next_after;
  followers_.push_back(follower);
  const std::weak_ptr<Follower> weak = follower;
  stream->on_idle([this, weak] {
    const auto idle = weak.lock();
    if (idle && std::exchange(idle->wants_page, false)) read_for(idle);
  });
  stream->on_end([this, weak] {
    if (const auto ended = weak.lock()) std::erase(followers_, ended);
  });
  take_page(follower, first);
}

void EventFeed::read_for(const FollowerPtr& follower) {
  const bool is_queued =
      parts_.read(page_behind(follower->after, follower->filter), [this, follower](const Result<EventPage>& page) {
        if (!follower->stream->is_open()) return;
        // Whoever comes again is told what is the matter.
        if (!is_readable(page)) return follower->stream->end();
        take_page(follower, *page);
      });
  if (!is_queued) follower->stream->end();
}

void EventFeed::take_page(const FollowerPtr& follower, const EventPage& page) {
  auto text = frames_of(page, follower->after, follower->filter);
  follower->after = page.next_after;
  if (text.empty() && page.next_after - follower->told >= kSilentPositionsMax) text = position_frame(page.next_after);
  if (!text.empty()) follower->told = page.next_after;
  follower->stream->push(make_frame(std::move(text)));
  if (may_join(follower->after, page.is_at_end)) {
    join(follower->after);
    follower->is_live = true;
  } else if (follower->stream->is_idle()) {
    read_again(page.is_at_end, [this, follower] {
      if (follower->stream->is_open()) read_for(follower);
    });
  } else {
    follower->wants_page = true;
  }
}

// ---- all who are live

void EventFeed::look() {
  is_listening_ = is_anybody_live();
  // Fewer than were read: PostgreSQL has gone back in time, or this process has not heard of them yet.
  if (!is_listening_ || is_reading_ || is_pausing_ || parts_.last_position() == head_) return;
  read_since_ = std::chrono::steady_clock::now();
  is_reading_ = parts_.read(page_behind(head_, {}), [this, after = head_](const Result<EventPage>& page) {
    is_reading_ = false;
    take_live(after, page);
  });
  if (!is_reading_) look_after(options_.retry);
}

void EventFeed::look_after(std::chrono::milliseconds pause) {
  if (std::exchange(is_pausing_, true)) return;
  pause_.expires_after(pause);
  pause_.async_wait([this](const boost::system::error_code&) {
    is_pausing_ = false;
    look();
  });
}

void EventFeed::take_live(std::int64_t after, const Result<EventPage>& page) {
  if (!page) return look_after(options_.retry);
  // All have gone meanwhile, and others come.
  if (after != head_) return look();
  if (!is_readable(page)) return end_live(*page);
  // It is not known here yet, or an event was numbered between two looks.
  if (page->next_after == after) return look_after(page->is_at_end ? options_.retry : options_.breath);
  head_ = page->next_after;
  deliver_to_streams(after, *page);
  deliver_to_polls(*page);
  const bool have_all_taken = std::ranges::all_of(
      followers_, [](const auto& follower) { return !follower->is_live || follower->stream->is_idle(); });
  // One that is slow costs the others a breath for each page, until it is behind.
  look_after(have_all_taken ? std::chrono::milliseconds(0) : options_.breath);
}

std::string EventFeed::frames_of(const EventPage& page, std::int64_t after, const EventFilter& filter) const {
  std::string text;
  for (const auto& event : page.events) {
    if (event->position > after && filter.matches(*event)) append_event_frame(text, *event, parts_.source);
  }
  return text;
}

void EventFeed::deliver_to_streams(std::int64_t after, const EventPage& page) {
  std::map<EventFilter, Frame> made;
  Frame position;
  for (const auto& follower : followers_) {
    if (!follower->is_live || follower->after >= page.next_after) continue;
    if (follower->stream->queued_bytes() > kQueuedBytesMax) {
      follower->is_live = false;
      follower->wants_page = true;
      continue;
    }
    const bool is_ahead = follower->after > after;
    auto& shared = made[follower->filter];
    if (!is_ahead && !shared) shared = make_frame(frames_of(page, after, follower->filter));
    auto frame = is_ahead ? make_frame(frames_of(page, follower->after, follower->filter)) : shared;
    if (frame->empty() && page.next_after - follower->told >= kSilentPositionsMax) {
      if (!position) position = make_frame(position_frame(page.next_after));
      frame = position;
    }
    follower->after = page.next_after;
    if (!frame->empty()) follower->told = page.next_after;
    follower->stream->push(std::move(frame));
  }
}

void EventFeed::deliver_to_polls(const EventPage& page) {
  for (const auto& poll : std::vector<PollPtr>(polls_)) {
    const auto after = poll->query.after.value_or(0);
    if (!poll->is_live || after >= page.next_after) continue;
    EventPage own;
    own.next_after = page.next_after;
    for (const auto& event : page.events) {
      if (event->position <= after || !poll->query.filter.matches(*event)) continue;
      own.events.push_back(event);
      if (own.events.size() < poll->query.limit) continue;
      own.next_after = event->position;
      break;
    }
    poll->query.after = own.next_after;
    if (!own.events.empty()) settle(poll, own, read_since_);
  }
}

/// What comes next is gone, or missing, or there is no such place: each call is told so, and each stream when it comes
/// again.
void EventFeed::end_live(const EventPage& page) {
  for (const auto& follower : followers_) {
    if (follower->is_live) follower->stream->end();
  }
  for (const auto& poll : std::vector<PollPtr>(polls_)) {
    if (poll->is_live) settle(poll, page, read_since_);
  }
}

}  // namespace flashsale::api
