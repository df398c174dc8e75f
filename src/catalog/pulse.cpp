#include "flashsale/catalog/pulse.hpp"

#include <algorithm>
#include <utility>

#include "flashsale/model/selling_times.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::catalog {
namespace {

using redis::ReplyView;
using Steady = std::chrono::steady_clock;

/// An instance that is left on an old master learns of a rebuild elsewhere from PostgreSQL alone, and must before the
/// rebuilt sale has rested: what it refused afterwards might be an order there (PROTOCOL R9).
constexpr std::chrono::milliseconds kDirectoryInterval{200};
constexpr std::chrono::milliseconds kMarkPause{1000};      ///< after one that could not be written
constexpr std::chrono::milliseconds kDirectoryPause{300};  ///< when it could not be loaded
/// PostgreSQL that has not answered for this long is not reached.
constexpr std::chrono::milliseconds kPostgresSilenceMax{2500};
/// A sale in which nothing can move is asked about less often: a change by an admin moves the directory, and that asks
/// at once.
constexpr std::chrono::milliseconds kQuietInterval{1000};
/// Well before a scheduled sale opens it is asked about as often as an open one: a crowd that comes early is refused
/// from memory, and that must be fresh.
constexpr std::chrono::minutes kAwakeBeforeStart{10};
constexpr std::chrono::minutes kAwakeAfterEnd{10};
/// Asking which items are held takes at most this share of the directory thread's time.
constexpr int kUnpaidRestFactor = 5;
/// An item that somebody has changed by hand shows after this long at the latest.
constexpr std::chrono::milliseconds kAllItemsInterval{1000};
/// Sales asked about in one round trip: bounds how long one pulse holds Redis.
constexpr std::size_t kAskAtOnce = 64;

bool is_quiet(const Sale& sale, const SaleSnapshot* last, TimePoint now) {
  if (!last || !last->serving || last->log_entries > 0) return false;
  // Orders can be cancelled, and their units come back.
  if (last->order_records > 0 && now < sale.ends_at + kAwakeAfterEnd) return false;
  if (sale.is_draft) return true;
  const bool starts_later = sale.state == SaleState::scheduled && now + kAwakeBeforeStart < sale.starts_at;
  return starts_later || effective_state(sale.state, sale.starts_at, sale.ends_at, now) == SaleState::closed;
}

}  // namespace

Pulse::Pulse(Options options, Upkeep& upkeep, telemetry::Metrics& metrics)
    : options_(std::move(options)), upkeep_(upkeep), metrics_(metrics) {}

Pulse::~Pulse() { stop(); }

void Pulse::start(Publish publish) {
  publish_ = std::move(publish);
  directory_thread_ = std::thread([this] { run_directory(); });
  pulse_thread_ = std::thread([this] { run_pulse(); });
}

void Pulse::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (pulse_thread_.joinable()) pulse_thread_.join();
  if (directory_thread_.joinable()) directory_thread_.join();
}

void Pulse::reload_directory() {
  {
    const std::lock_guard lock(mutex_);
    reload_ = true;
  }
  wake_.notify_all();
}

void Pulse::offer_marks(SoldOutMarks marks) {
  const std::lock_guard lock(mutex_);
  marks_mail_.push_back(std::move(marks));
}

std::chrono::milliseconds Pulse::age() const {
  const auto last = Steady::time_point(std::chrono::nanoseconds(last_answer_ns_.load()));
  return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - last);
}

bool Pulse::postgres_reached() const {
  const auto last = Steady::time_point(std::chrono::nanoseconds(postgres_reached_ns_.load()));
  return Steady::now() - last < kPostgresSilenceMax;
}

// --- the directory thread ---

Pulse::Reach Pulse::announced_reach(redis::SyncClient& client, const std::string& server) {
  const std::vector<redis::Command> commands{redis::read_directory_command(), redis::read_wal_command(server),
                                             redis::read_mark_command(server)};
  const auto replies = client.pipeline(commands);
  if (!replies) return {};
  Reach reach;
  if (const auto mark = redis::read_mark(ReplyView((*replies)[2].get()))) reach.mark = {mark->first, mark->second};
  const auto wal_position = redis::read_raised(ReplyView((*replies)[1].get()));
  if (!wal_position) return reach;
  reach.server = server;
  reach.version = redis::read_raised(ReplyView((*replies)[0].get())).value_or(0);
  reach.wal_position = *wal_position;
  return reach;
}

/// What was announced had been committed before. So a server that does not know it now has gone back in time: it was
/// restored from a backup, file by file, with system identifier and timeline as before. (Another server is another
/// identity, for which every sale is rebuilt in any case, PROTOCOL R6.) A mark tells that however long ago it was;
/// version and position, which a restored server soon reaches again, only tell at once, but of what came after the last
/// mark too.
Result<postgres::DirectoryChanges> Pulse::load_directory(postgres::Session& session, redis::SyncClient& client,
                                                         Look look) {
  if (session.server_identity().empty()) {
    // Only to learn which server it is: what is announced of it has to be read before what it says itself.
    const auto version = postgres::directory_version(session);
    if (!version) return version.error();
  }
  const std::string server = session.server_identity();
  auto announced = announced_reach(client, server);
  if (announced.wal_position == wal_begun_anew_from_) announced.wal_position = 0;
  std::vector<postgres::ServerMark> remembered;
  if (seen_.server == server && seen_.mark.number >= 0) remembered.push_back(seen_.mark);
  if (announced.mark.number >= 0) remembered.push_back(announced.mark);
  auto changes = postgres::load_directory(session, seen_.version, remembered);
  if (!changes) return changes;
  postgres_reached_ns_ = Steady::now().time_since_epoch().count();
  const std::string& answered = session.server_identity();
  // Another server than the one that was asked about can have answered: then the next look tells.
  const bool lacks_marks = answered == server && !changes->lost_marks.empty();
  const bool has_gone_back =
      lacks_marks || seen_.is_beyond(answered, *changes) || announced.is_beyond(answered, *changes);
  if (has_gone_back) {
    const auto above = std::max(seen_.version, announced.version);
    telemetry::log_error("postgres has gone back in time, every sale is rebuilt",
                         {{"version", changes->version}, {"was", above}, {"marks_lost", changes->lost_marks.size()}});
    const auto lost = lacks_marks ? changes->lost_marks : std::vector<std::string>{};
    if (const auto error = postgres::begin_anew(session, above, lost)) return error;
    wal_begun_anew_from_ = announced.wal_position;
    changes = postgres::load_directory(session, 0);
    if (!changes) return changes;
  }
  seen_ = {answered, changes->version, changes->wal_position, renewed_mark(session, *changes, look)};
  // Also after Redis was wiped: a directory key that is missing keeps `unknown sale` from being said.
  std::vector<redis::Command> news{redis::raise_directory_command(changes->version),
                                   redis::raise_wal_command(answered, changes->wal_position, has_gone_back)};
  if (seen_.mark != announced.mark && seen_.mark.number >= 0) {
    news.push_back(redis::tell_mark_command(answered, seen_.mark.number, seen_.mark.text));
  }
  (void)client.pipeline(news);
  return changes;
}

/// The newest mark, of this look or of another instance's. After the last look nobody here makes one.
postgres::ServerMark Pulse::renewed_mark(postgres::Session& session, const postgres::DirectoryChanges& changes,
                                         Look look) {
  const bool may_wait = changes.mark_is_fresh || Steady::now() < mark_not_before_;
  if (!changes.mark_is_behind || (may_wait && look != Look::last)) return changes.newest_mark;
  auto renewed = postgres::renew_mark(session, changes.newest_mark);
  if (renewed) return std::move(*renewed);
  mark_not_before_ = Steady::now() + kMarkPause;
  return changes.newest_mark;
}

void Pulse::run_directory() {
  postgres::Session session(options_.postgres, "directory");
  redis::SyncClient client(options_.redis, "directory");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    reload_ = false;
    lock.unlock();
    const auto known_version = seen_.version;
    auto changes = load_directory(session, client, Look::one_of_many);
    const bool is_reached = static_cast<bool>(changes);
    if (is_reached && Steady::now() >= unpaid_not_before_) answer_unpaid(session);
    lock.lock();
    // Loaded for nothing, as when Redis names a version that is not there yet: no reason to wake the pulse.
    const bool is_news = changes && (changes->version != known_version || !directory_loaded_ ||
                                     postgres_identity_ != session.server_identity());
    if (is_news) {
      postgres_identity_ = session.server_identity();
      mail_.push_back(std::move(*changes));
      directory_loaded_ = true;
    }
    wake_.notify_all();
    const auto pause = is_reached ? kDirectoryInterval : kDirectoryPause;
    wake_.wait_for(lock, pause, [this] { return stopping_ || reload_; });
    if (!stopping_ || !is_reached) continue;
    // The last orders of this process are covered by a mark, too.
    lock.unlock();
    (void)load_directory(session, client, Look::last);
    lock.lock();
  }
}

void Pulse::answer_unpaid(postgres::Session& session) {
  const auto started = Steady::now();
  const auto asked = unpaid_items_.asked();
  const auto unpaid = postgres::find_unpaid_items(session, asked);
  if (unpaid) unpaid_items_.answer(asked, *unpaid);
  unpaid_not_before_ = Steady::now() + (Steady::now() - started) * kUnpaidRestFactor;
}

// --- the pulse thread ---

void Pulse::run_pulse() {
  redis::SyncClient client(options_.redis, "pulse");
  for (;;) {
    // From the start of this beat: one that mail has woken early puts the next one off by no more than the interval.
    const auto next = Steady::now() + options_.interval;
    take_mail();
    beat(client);
    std::unique_lock lock(mutex_);
    // New sales are pulsed at once: whoever created one waits for it to be served.
    wake_.wait_until(lock, next, [this] { return stopping_ || !mail_.empty(); });
    if (stopping_) return;
  }
}

void Pulse::take_mail() {
  std::vector<postgres::DirectoryChanges> changes;
  std::vector<SoldOutMarks> marks;
  {
    const std::lock_guard lock(mutex_);
    changes.swap(mail_);
    marks.swap(marks_mail_);
    known_postgres_ = postgres_identity_;
  }
  for (const auto& change : changes) adopt(change);
  for (auto& mark : marks) adopt_marks(mark);
}

void Pulse::adopt(const postgres::DirectoryChanges& changes) {
  if (changes.is_whole) known_.clear();
  directory_version_ = changes.version;
  if (changes.flags) flags_ = std::make_shared<const FeatureFlags>(*changes.flags);
  const auto before = known_.size();
  for (const auto& sale : changes.sales) {
    auto& known = known_[sale.sale_no];
    known.sale = std::make_shared<const Sale>(sale);
    known.next_at = {};
    // Levels of the same epoch stay good, in the order of the items, which never changes.
    auto snapshot = known.last ? std::make_shared<SaleSnapshot>(*known.last) : std::make_shared<SaleSnapshot>();
    if (snapshot->sale && snapshot->sale->epoch != sale.epoch) snapshot->serving = false;
    snapshot->sale = known.sale;
    snapshot->levels.resize(sale.items.size());
    if (sale.let_go) show_as_stored(*snapshot);
    known.last = std::move(snapshot);
  }
  if (!index_ || changes.is_whole || known_.size() > before) make_index();
}

/// Redis has nothing of it any more, and nothing in it moves: PostgreSQL tells all there is.
void Pulse::show_as_stored(SaleSnapshot& snapshot) {
  snapshot.serving = false;
  snapshot.known_levels = false;
  snapshot.is_quiet = true;
  snapshot.log_entries = 0;
  snapshot.oldest_entry_at.reset();
}

/// Sales never go, unless with all of PostgreSQL, and their items never change: places move only when one is added.
void Pulse::make_index() {
  auto index = std::make_shared<Index>();
  std::size_t position = 0;
  for (const auto& [sale_no, known] : known_) {
    const auto& items = known.sale->items;
    for (std::size_t i = 0; i < items.size(); ++i) index->items[items[i].item_no] = {position, i};
    index->sales.emplace(known.sale->id, position++);
  }
  index_ = std::move(index);
}

void Pulse::adopt_marks(SoldOutMarks& marks) {
  const auto found = known_.find(marks.sale_no);
  if (found == known_.end() || found->second.sale->epoch != marks.epoch) return;
  auto& known = found->second;
  if (known.marks_epoch != marks.epoch) known.marks.clear();
  known.marks_epoch = marks.epoch;
  for (const auto& [item_no, state] : marks.items) known.marks[item_no] = {state, marks.ids, {}, {}};
}

void Pulse::beat(redis::SyncClient& client) {
  const auto now = Steady::now();
  const auto redis_now = clock_.earliest(now);
  std::vector<Known*> due;
  for (auto& [sale_no, known] : known_) {
    if (known.next_at > now || known.sale->let_go) continue;
    due.push_back(&known);
    known.is_quiet = is_quiet(*known.sale, known.last.get(), redis_now);
    known.next_at = known.is_quiet ? now + kQuietInterval : SteadyTime{};
  }
  const bool reached = ask(client, due);
  ask_for_unpaid();
  metrics_.pulse_age_seconds().Set(static_cast<double>(age().count()) / 1000.0);
  publish(clock_, reached);
}

bool Pulse::ask(redis::SyncClient& client, std::vector<Known*>& due) {
  directory_is_current_ = true;
  if (client.check_identity()) return false;
  auto& latency = metrics_.dependency_seconds("redis", "pulse");
  std::size_t at = 0;
  do {
    const auto count = std::min(kAskAtOnce, due.size() - at);
    RedisClock clock;
    clock.paused_at_sending = paused_time();
    clock.sent_at = Steady::now();
    std::vector<redis::Command> commands{redis::read_directory_command(), redis::clock_command()};
    for (std::size_t i = 0; i < count; ++i) {
      commands.push_back(question(*due[at + i], clock.sent_at));
    }
    const auto replies = client.pipeline(commands);
    clock.received_at = Steady::now();
    clock.paused_at_receipt = paused_time();
    latency.Observe(std::chrono::duration<double>(clock.received_at - clock.sent_at).count());
    if (!replies) return false;
    const auto directory = redis::read_raised(ReplyView((*replies)[0].get()));
    clock.reading = redis::read_clock(ReplyView((*replies)[1].get()));
    clock_ = clock;
    redis_identity_ = client.identity();
    last_answer_ns_ = clock.sent_at.time_since_epoch().count();
    const bool is_current = directory && *directory <= directory_version_;
    directory_is_current_ = directory_is_current_ && is_current;
    if (!is_current) reload_directory();
    for (std::size_t i = 0; i < count; ++i) {
      const auto reply = redis::read_pulse(ReplyView((*replies)[2 + i].get()));
      if (reply) read_answer(*due[at + i], *reply, clock, client.identity());
      else telemetry::log_error("a sale's pulse cannot be read", {{"sale", due[at + i]->sale->id}});
    }
    at += count;
  } while (at < due.size());
  return true;
}

redis::Command Pulse::question(Known& known, SteadyTime now) {
  const auto& last = *known.last;
  // An item that is sold out moves its sale's state as any other does, so its mark is confirmed with that.
  const bool is_known = last.serving && last.sale->epoch == known.sale->epoch && now < known.all_items_at;
  if (!is_known) known.all_items_at = now + kAllItemsInterval;
  return redis::pulse_command(known.sale->id, known.sale->epoch, is_known ? last.items_state : std::string());
}

void Pulse::read_answer(Known& known, const redis::PulseReply& reply, const RedisClock& clock,
                        std::string_view identity) {
  auto snapshot = std::make_shared<SaleSnapshot>(*known.last);
  snapshot->clock = clock;
  snapshot->is_quiet = known.is_quiet;
  // Another Redis, or a PostgreSQL that another was promoted to, may not know what this sale was published from (R6).
  const bool same_postgres = known_postgres_.empty() || reply.postgres_identity == known_postgres_;
  snapshot->serving = !reply.lost && reply.identity == identity && same_postgres;
  for (auto& level : snapshot->levels) level.sold_out_ids.reset();
  if (snapshot->serving) {
    snapshot->known_levels = true;
    snapshot->redis_version = reply.version;
    snapshot->order_records = reply.order_records;
    snapshot->log_entries = reply.log_entries;
    snapshot->oldest_entry_at = reply.oldest_entry_at;
    snapshot->resting_until = reply.resting_until;
    snapshot->items_state = reply.items_state;
    if (!reply.items_unchanged) snapshot->serving = read_levels(reply.items, *snapshot);
    attach_marks(known, *snapshot);
    mark_held(*snapshot);
  }
  request_upkeep(known, reply, *snapshot);
  known.last = std::move(snapshot);
}

/// Both are in order of item_no. False: Redis has lost an item.
bool Pulse::read_levels(const std::vector<redis::PulseItem>& read, SaleSnapshot& snapshot) {
  const auto& items = snapshot.sale->items;
  auto next = read.begin();
  for (std::size_t i = 0; i < items.size(); ++i) {
    while (next != read.end() && next->item_no < items[i].item_no) ++next;
    if (next == read.end() || next->item_no != items[i].item_no) return false;
    snapshot.levels[i] = {next->remaining, next->version, next->stock_version, nullptr, false, next->sells_from};
  }
  return true;
}

/// Whether the ids of a mark are still all there are. Yes, while the item shows the same. And when units have come back
/// since the last look: they rest, and what rests from then on is not sold yet. (Not just after a rebuild, in whose
/// rest orders are reserved again: the mark is of the half second before.)
bool Pulse::still_holds(const Mark& mark, const SaleSnapshot& snapshot, const ItemLevels& level) {
  if (mark.state == ItemState{level.version, level.remaining}) return true;
  const auto& clock = snapshot.clock;
  const bool some_were_reserved_again = clock.reading < snapshot.resting_until + kRestockRest;
  return level.remaining > 0 && !some_were_reserved_again && clock.received_at < mark.unsold_until &&
         clock.latest(clock.received_at) < mark.unsold_until_at_redis;
}

void Pulse::attach_marks(Known& known, SaleSnapshot& snapshot) {
  if (known.marks_epoch != known.sale->epoch) known.marks.clear();
  const auto& clock = snapshot.clock;
  bool missing = false;
  for (std::size_t i = 0; i < snapshot.levels.size(); ++i) {
    auto& level = snapshot.levels[i];
    const auto found = known.marks.find(known.sale->items[i].item_no);
    // Redis's clock has stepped back since: how long that still rests only Redis can tell, by being asked to sell it.
    if (level.sells_from > clock.latest(clock.received_at) + kRestockRest) level.sells_from = {};
    const bool sells = level.sells(clock.latest(clock.received_at));
    if (found != known.marks.end() && (sells || !still_holds(found->second, snapshot, level))) {
      known.marks.erase(found);
    } else if (found != known.marks.end()) {
      auto& mark = found->second;
      mark.state = {level.version, level.remaining};
      mark.unsold_until = clock.sent_at + kRestockRest;
      mark.unsold_until_at_redis = level.remaining == 0 ? clock.reading + kRestockRest : level.sells_from;
      level.sold_out_ids = mark.ids;
      continue;
    }
    missing = missing || !sells;
  }
  if (missing) upkeep_.request_marks(known.sale);
}

/// Sold out, but not for good: a unit that is not paid for in time, or whose order is not written yet, may come back.
void Pulse::mark_held(SaleSnapshot& snapshot) const {
  // Of a quiet sale nobody asks; what is left of it does not come back.
  if (snapshot.sale->payment == PaymentMode::none || snapshot.is_quiet) return;
  for (std::size_t i = 0; i < snapshot.levels.size(); ++i) {
    auto& level = snapshot.levels[i];
    const bool may_come_back = snapshot.log_entries > 0 || unpaid_items_.may_come_back(snapshot.sale->items[i].item_no);
    level.held = level.remaining == 0 && may_come_back;
  }
}

void Pulse::ask_for_unpaid() {
  std::vector<std::int32_t> sold_out;
  for (const auto& [sale_no, known] : known_) {
    if (known.sale->payment == PaymentMode::none || known.is_quiet || !known.last->known_levels) continue;
    for (std::size_t i = 0; i < known.last->levels.size(); ++i) {
      if (known.last->levels[i].remaining == 0) sold_out.push_back(known.sale->items[i].item_no);
    }
  }
  unpaid_items_.ask(sold_out);
}

void Pulse::request_upkeep(const Known& known, const redis::PulseReply& reply, const SaleSnapshot& snapshot) {
  // A fence ahead of the directory: somebody has rebuilt the sale already.
  if (reply.lost && reply.fence_epoch > known.sale->epoch) {
    reload_directory();
    // Or PostgreSQL has gone back behind it (a standby, a backup): who comes to the rebuild reads the epoch there anew.
    return upkeep_.request_rebuild(known.sale);
  }
  if (!snapshot.serving) return upkeep_.request_rebuild(known.sale);
  if (reply.version < known.sale->version) upkeep_.request_definition_push(known.sale);
  for (std::size_t i = 0; i < snapshot.levels.size(); ++i) {
    const auto& item = known.sale->items[i];
    if (snapshot.levels[i].stock_version < item.stock_version) upkeep_.request_stock_push(known.sale, item.item_no);
  }
}

void Pulse::publish(const RedisClock& clock, bool reached) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->directory_version = directory_version_;
  snapshot->clock = clock;
  snapshot->redis_reached = reached;
  snapshot->directory_is_current = directory_is_current_;
  snapshot->redis_identity = redis_identity_;
  snapshot->number = ++snapshots_published_;
  snapshot->index = index_;
  snapshot->flags = flags_;
  snapshot->sales.reserve(known_.size());
  std::int64_t entries = 0;
  auto oldest = clock.reading;
  for (const auto& [sale_no, known] : known_) {
    snapshot->sales.push_back(known.last);
    entries += known.last->log_entries;
    oldest = std::min(oldest, known.last->oldest_entry_at.value_or(oldest));
  }
  metrics_.pending_log_entries().Set(static_cast<double>(entries));
  metrics_.pending_log_age_seconds().Set(std::chrono::duration<double>(clock.reading - oldest).count());
  publish_(std::move(snapshot));
}

}  // namespace flashsale::catalog
