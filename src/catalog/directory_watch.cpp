#include "flashsale/catalog/directory_watch.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "directory_loader.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "unpaid_items.hpp"

namespace flashsale::catalog {
namespace {

using Steady = std::chrono::steady_clock;

/// An instance that is left on an old master learns of a rebuild elsewhere from PostgreSQL alone, and must before the
/// rebuilt sale has rested: what it refused afterwards might be an order there (PROTOCOL R9).
constexpr std::chrono::milliseconds kInterval{200};
constexpr std::chrono::milliseconds kPauseAfterFailure{300};
/// PostgreSQL that has not answered for this long is not reached.
constexpr std::chrono::milliseconds kPostgresSilenceMax{2500};
/// Asking which items are paid for takes at most this share of the thread's time.
constexpr int kUnpaidRestFactor = 5;

}  // namespace

struct DirectoryWatch::Impl {
  Impl(Options with, PulseMailbox& to) : options(std::move(with)), mail(to) {}
  void run();
  [[nodiscard]] bool look(DirectoryLoader& loader);
  void answer_unpaid(postgres::Session& session);

  Options options;
  PulseMailbox& mail;
  UnpaidItems unpaid;

  // The thread's alone.
  SteadyTime unpaid_not_before{};
  std::string told_server;

  // Of any thread.
  std::atomic<bool> is_loaded{false};
  std::atomic<SteadyTime::rep> answered_at{0};
  std::mutex mutex;  // guards the two flags
  std::condition_variable wake;
  bool is_asked = false;
  bool stopping = false;
  std::thread thread;
};

DirectoryWatch::DirectoryWatch(Options options, PulseMailbox& mail)
    : impl_(std::make_unique<Impl>(std::move(options), mail)) {}

DirectoryWatch::~DirectoryWatch() { stop(); }

void DirectoryWatch::start() {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

void DirectoryWatch::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
}

void DirectoryWatch::reload() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->is_asked = true;
  }
  impl_->wake.notify_all();
}

UnpaidItems& DirectoryWatch::unpaid_items() { return impl_->unpaid; }

bool DirectoryWatch::is_loaded() const { return impl_->is_loaded; }

bool DirectoryWatch::postgres_reached() const {
  return Steady::now() - SteadyTime(SteadyTime::duration(impl_->answered_at)) < kPostgresSilenceMax;
}

void DirectoryWatch::Impl::run() {
  DirectoryLoader loader(options.postgres, options.redis);
  bool is_reached = false;
  std::unique_lock lock(mutex);
  while (!stopping) {
    is_asked = false;
    lock.unlock();
    is_reached = look(loader);
    lock.lock();
    const auto pause = is_reached ? kInterval : kPauseAfterFailure;
    wake.wait_for(lock, pause, [this] { return stopping || is_asked; });
  }
  lock.unlock();
  // The last orders of this process are covered by a mark, too.
  if (is_reached) (void)loader.load(DirectoryLoader::Look::last);
}

/// False: the directory could not be loaded.
bool DirectoryWatch::Impl::look(DirectoryLoader& loader) {
  const auto known_version = loader.seen().version;
  auto changes = loader.load(DirectoryLoader::Look::one_of_many);
  answered_at = loader.answered_at().time_since_epoch().count();
  if (!changes) return false;
  if (Steady::now() >= unpaid_not_before) answer_unpaid(loader.session());
  // Loaded for nothing, as when Redis names a version that is not there yet: no reason to wake the pulse.
  const auto& server = loader.seen().server;
  if (changes->version == known_version && is_loaded && told_server == server) return true;
  told_server = server;
  mail.put(DirectoryNews{std::move(*changes), server});
  is_loaded = true;
  return true;
}

void DirectoryWatch::Impl::answer_unpaid(postgres::Session& session) {
  const auto started = Steady::now();
  const auto asked = unpaid.asked();
  const auto found = postgres::find_unpaid_items(session, asked);
  if (found) unpaid.answer(asked, *found);
  unpaid_not_before = Steady::now() + (Steady::now() - started) * kUnpaidRestFactor;
}

}  // namespace flashsale::catalog
