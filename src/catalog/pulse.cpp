#include "flashsale/catalog/pulse.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "flashsale/telemetry/log.hpp"
#include "known_sales.hpp"
#include "pulse_asker.hpp"
#include "unpaid_items.hpp"

namespace flashsale::catalog {

using Steady = std::chrono::steady_clock;

struct Pulse::Impl {
  Impl(Options with, PulseMailbox& mailbox, DirectoryWatch& watch, Upkeep& threads, telemetry::Metrics& numbers)
      : options(std::move(with)), mail(mailbox), directory(watch), upkeep(threads), metrics(numbers) {}

  void run();
  void take_mail();
  void beat(PulseAsker& asker);
  [[nodiscard]] bool ask(PulseAsker& asker, std::span<KnownSale* const> due);
  void read(const PulseAnswers& answers, std::span<KnownSale* const> asked, std::string_view redis_identity);
  void carry_out(const UpkeepNeeds& needs, const std::shared_ptr<const Sale>& sale);
  void hand_out(const PulseAsker& asker, bool reached);
  void count_log_entries(const Snapshot& snapshot);
  [[nodiscard]] std::chrono::milliseconds age() const;

  Options options;
  PulseMailbox& mail;
  DirectoryWatch& directory;
  Upkeep& upkeep;
  telemetry::Metrics& metrics;
  Publish publish;

  // The thread's alone.
  KnownSales known;
  std::string postgres_identity;
  bool directory_is_current = false;  ///< at the last beat
  std::uint64_t published = 0;

  std::atomic<SteadyTime::rep> answered_at{0};
  std::thread thread;
};

Pulse::Pulse(Options options, PulseMailbox& mail, DirectoryWatch& directory, Upkeep& upkeep,
             telemetry::Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(options), mail, directory, upkeep, metrics)) {}

Pulse::~Pulse() { stop(); }

void Pulse::start(Publish publish) {
  impl_->publish = std::move(publish);
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

void Pulse::stop() {
  impl_->mail.close();
  if (impl_->thread.joinable()) impl_->thread.join();
}

std::chrono::milliseconds Pulse::age() const { return impl_->age(); }

std::chrono::milliseconds Pulse::Impl::age() const {
  const SteadyTime last{SteadyTime::duration(answered_at)};
  return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - last);
}

void Pulse::Impl::run() {
  PulseAsker asker(options.redis, metrics);
  SteadyTime next;
  do {
    // From the start of this beat: one that mail has woken early puts the next one off by no more than the interval.
    next = Steady::now() + options.interval;
    take_mail();
    beat(asker);
  } while (mail.wait_until(next));
}

void Pulse::Impl::take_mail() {
  const auto taken = mail.take();
  for (const auto& news : taken.directory) {
    known.adopt(news.changes);
    postgres_identity = news.postgres_identity;
  }
  for (const auto& marks : taken.marks) known.adopt(marks);
}

void Pulse::Impl::beat(PulseAsker& asker) {
  const auto now = Steady::now();
  const auto due = known.take_due(now, asker.clock().earliest(now));
  const bool reached = ask(asker, due);
  directory.unpaid_items().ask(known.sold_out_items());
  metrics.pulse_age_seconds().Set(static_cast<double>(age().count()) / 1000.0);
  hand_out(asker, reached);
}

/// Also when no sale is due: for the clock and the directory. False: not all were answered.
bool Pulse::Impl::ask(PulseAsker& asker, std::span<KnownSale* const> due) {
  directory_is_current = true;
  if (!asker.check_server()) return false;
  do {
    const auto asked = due.first(std::min(due.size(), PulseAsker::kAskAtOnce));
    std::vector<PulseQuestion> questions;
    const auto now = Steady::now();
    for (auto* sale : asked) questions.push_back({sale->sale(), items_state_to_ask_with(*sale, now)});
    const auto answers = asker.ask(questions);
    if (!answers) return false;
    read(*answers, asked, asker.identity());
    due = due.subspan(asked.size());
  } while (!due.empty());
  return true;
}

void Pulse::Impl::read(const PulseAnswers& answers, std::span<KnownSale* const> asked,
                       std::string_view redis_identity) {
  answered_at = answers.clock.sent_at.time_since_epoch().count();
  const bool is_current = answers.directory_version && *answers.directory_version <= known.directory_version();
  directory_is_current = directory_is_current && is_current;
  if (!is_current) directory.reload();
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto& reply = answers.sales[i];
    auto& sale = *asked[i];
    if (!reply) {
      telemetry::log_error("a sale's pulse cannot be read", {{"sale", sale.sale().id}});
      continue;
    }
    const auto needs =
        take_answer(sale, *reply, answers.clock, {redis_identity, postgres_identity}, directory.unpaid_items());
    carry_out(needs, sale.last->sale);
  }
}

void Pulse::Impl::carry_out(const UpkeepNeeds& needs, const std::shared_ptr<const Sale>& sale) {
  if (needs.reload_directory) directory.reload();
  if (needs.rebuild) upkeep.request_rebuild(sale);
  if (needs.push_definition) upkeep.request_definition_push(sale);
  for (const auto item_no : needs.push_stock) upkeep.request_stock_push(sale, item_no);
  if (needs.load_marks) upkeep.request_marks(sale);
}

void Pulse::Impl::hand_out(const PulseAsker& asker, bool reached) {
  auto snapshot = std::make_shared<Snapshot>(known.snapshot());
  snapshot->clock = asker.clock();
  snapshot->redis_reached = reached;
  snapshot->directory_is_current = directory_is_current;
  snapshot->redis_identity = asker.identity();
  snapshot->number = ++published;
  count_log_entries(*snapshot);
  publish(std::move(snapshot));
}

void Pulse::Impl::count_log_entries(const Snapshot& snapshot) {
  std::int64_t entries = 0;
  auto oldest = snapshot.clock.reading;
  for (const auto& sale : snapshot.sales) {
    entries += sale->log_entries;
    oldest = std::min(oldest, sale->oldest_entry_at.value_or(oldest));
  }
  metrics.pending_log_entries().Set(static_cast<double>(entries));
  metrics.pending_log_age_seconds().Set(std::chrono::duration<double>(snapshot.clock.reading - oldest).count());
}

}  // namespace flashsale::catalog
