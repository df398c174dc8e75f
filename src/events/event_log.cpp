#include "flashsale/events/event_log.hpp"

#include <algorithm>
#include <utility>

namespace flashsale::events {
namespace {

/// What is kept in memory: as many events as a busy second has, in bounded bytes.
constexpr std::size_t kRecentMax = 8192;
constexpr std::size_t kRecentBytesMax = std::size_t{8} * 1024 * 1024;
/// Sales whose orders come up in events at the same time.
constexpr std::size_t kSalesMax = 256;
/// An erasure, by whichever process, reaches what stands in memory within this time (and what was read ahead of it for
/// a sink a second later).
constexpr std::chrono::seconds kRecentAge{3};
constexpr std::chrono::milliseconds kPatience{250};

std::size_t bytes_of(const Event& event) {
  return sizeof(Event) + event.id.size() + event.subject.size() + event.time.size() + event.partition_key.size() +
         event.sale_id.size() + event.data.size();
}

/// Whether what the row needs of the sale is there: items are never taken out of one, but more can be put in.
bool suffices(const Sale& sale, const postgres::EventRow& row) {
  if (!row.order) return true;
  return std::ranges::all_of(row.order->lines,
                             [&](const OrderLine& line) { return sale.find_item(line.item_no) != nullptr; });
}

}  // namespace

/// The turn to load what is near the end, waited for; given back at the end of its scope. No std::timed_mutex:
/// g++ 12's ThreadSanitizer does not see it being locked.
class EventLog::Turn {
 public:
  explicit Turn(EventLog& log) : log_(log) {
    std::unique_lock lock(log_.mutex_);
    is_mine_ = log_.loaded_.wait_for(lock, kPatience, [&] { return !log_.is_loading_; });
    if (is_mine_) log_.is_loading_ = true;
  }
  ~Turn() {
    if (!is_mine_) return;
    {
      const std::lock_guard lock(log_.mutex_);
      log_.is_loading_ = false;
    }
    log_.loaded_.notify_one();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  [[nodiscard]] bool is_mine() const { return is_mine_; }

 private:
  EventLog& log_;
  bool is_mine_ = false;
};

std::int64_t EventLog::last_position() const {
  const std::lock_guard lock(mutex_);
  return last_position_;
}

std::int64_t EventLog::falls() const {
  const std::lock_guard lock(mutex_);
  return falls_;
}

void EventLog::announce(std::int64_t last_position) {
  std::vector<Listener> listeners;
  {
    const std::lock_guard lock(mutex_);
    if (last_position == last_position_) return;
    if (last_position < last_position_) {
      ++falls_;
      recent_.clear();
      recent_bytes_ = 0;
    }
    last_position_ = last_position;
    listeners = listeners_;
  }
  wake_.notify_all();
  for (const auto& listener : listeners) listener.announced(last_position);
}

void EventLog::on_announce(std::function<void(std::int64_t)> announced, std::function<bool()> is_waiting) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back({std::move(announced), std::move(is_waiting)});
}

bool EventLog::wait_beyond(std::int64_t position, std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  ++waiting_;
  wake_.wait_until(lock, deadline, [&] { return interrupted_ || last_position_ > position; });
  --waiting_;
  return !interrupted_ && last_position_ > position;
}

void EventLog::interrupt() {
  {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
  }
  wake_.notify_all();
}

bool EventLog::has_readers() const {
  const std::lock_guard lock(mutex_);
  return waiting_ > 0 || std::ranges::any_of(listeners_, [](const auto& listener) { return listener.is_waiting(); });
}

Result<std::vector<EventPtr>> EventLog::read(postgres::Session& session, std::int64_t after, std::size_t limit) {
  if (auto events = recent(after, limit); !events.empty()) return events;
  const bool is_near_the_end = after + static_cast<std::int64_t>(kRecentMax) >= last_position();
  if (!is_near_the_end) return load(session, after, limit);
  // Somebody's session may hang: then everybody reads for himself.
  const Turn turn(*this);
  if (!turn.is_mine()) return load(session, after, limit);
  if (auto events = recent(after, limit); !events.empty()) return events;
  auto events = load(session, after, limit);
  if (events) keep(*events);
  return events;
}

std::vector<EventPtr> EventLog::recent(std::int64_t after, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  if (recent_.empty() || after + 1 < recent_.front()->position) return {};
  if (std::chrono::steady_clock::now() - recent_since_ > kRecentAge) return {};
  const auto first = static_cast<std::size_t>(after + 1 - recent_.front()->position);
  if (first >= recent_.size()) return {};
  const auto last = std::min(recent_.size(), first + limit);
  return {recent_.begin() + static_cast<std::ptrdiff_t>(first), recent_.begin() + static_cast<std::ptrdiff_t>(last)};
}

Result<std::vector<EventPtr>> EventLog::load(postgres::Session& session, std::int64_t after, std::size_t limit) {
  auto rows = postgres::read_events(session, after, static_cast<std::int32_t>(limit));
  if (!rows) return rows.error();
  std::vector<EventPtr> events;
  events.reserve(rows->size());
  for (const auto& row : *rows) {
    const auto sale = sale_of(session, row);
    if (!sale) return sale.error();
    events.push_back(std::make_shared<const Event>(render(row, sale->get())));
  }
  return events;
}

Result<std::shared_ptr<const Sale>> EventLog::sale_of(postgres::Session& session, const postgres::EventRow& row) {
  if (row.sale_no == 0) return std::shared_ptr<const Sale>();
  {
    const std::lock_guard lock(sales_mutex_);
    const auto known = sales_.find(row.sale_no);
    if (known != sales_.end() && suffices(*known->second, row)) return known->second;
  }
  auto found = postgres::find_sale_by_number(session, row.sale_no);
  if (!found) return found.error();
  if (!*found) return std::shared_ptr<const Sale>();
  auto sale = std::make_shared<const Sale>(std::move(**found));
  const std::lock_guard lock(sales_mutex_);
  if (sales_.size() >= kSalesMax) sales_.clear();
  sales_[row.sale_no] = sale;
  return sale;
}

/// What follows what is there; or it begins anew.
void EventLog::keep(const std::vector<EventPtr>& events) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now - recent_since_ > kRecentAge) recent_.clear(), recent_bytes_ = 0;
  if (recent_.empty()) recent_since_ = now;
  for (const auto& event : events) {
    // What is in memory from before still has the name.
    if (event->type == EventType::customer_erased) recent_.clear(), recent_bytes_ = 0;
    const bool follows = !recent_.empty() && recent_.back()->position + 1 == event->position;
    if (!follows && !recent_.empty()) {
      if (event->position <= recent_.back()->position) continue;
      recent_.clear();
      recent_bytes_ = 0;
    }
    recent_.push_back(event);
    recent_bytes_ += bytes_of(*event);
    while (recent_.size() > kRecentMax || recent_bytes_ > kRecentBytesMax) {
      recent_bytes_ -= bytes_of(*recent_.front());
      recent_.pop_front();
    }
  }
}

}  // namespace flashsale::events
