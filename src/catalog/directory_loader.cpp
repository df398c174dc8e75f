#include "directory_loader.hpp"

#include <utility>
#include <vector>

#include "flashsale/redis/directory.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::catalog {
namespace {

using redis::ReplyView;
using Steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kMarkPause{1000};  ///< after one that could not be written

}  // namespace

DirectoryLoader::DirectoryLoader(const postgres::Options& postgres, redis::Options redis)
    : session_(postgres, "directory"), redis_(std::move(redis), "directory") {}

Result<postgres::DirectoryChanges> DirectoryLoader::load(Look look) {
  if (const auto error = learn_server()) return error;
  const std::string meant = session_.server_identity();
  auto announced = ask_announced(meant);
  if (announced.wal_position == wal_begun_anew_from_) announced.wal_position = 0;
  auto changes = postgres::load_directory(session_, seen_.version, remembered_marks(seen_, announced, meant));
  if (!changes) return changes;
  answered_at_ = Steady::now();
  // Another server than the one that was asked about can have answered: then the next look tells.
  const auto gone_back = find_gone_back(seen_, announced, {meant, session_.server_identity()}, *changes);
  if (gone_back) {
    if (const auto error = begin_anew(*gone_back, *changes)) return error;
    wal_begun_anew_from_ = announced.wal_position;
  }
  seen_ = {session_.server_identity(), changes->version, changes->wal_position, renewed_mark(*changes, look)};
  announce(announced, gone_back.has_value());
  return changes;
}

/// What is announced of a server has to be read before what it says itself.
Error DirectoryLoader::learn_server() {
  if (!session_.server_identity().empty()) return {};
  const auto version = postgres::directory_version(session_);
  return version ? Error{} : version.error();
}

Reach DirectoryLoader::ask_announced(const std::string& server) {
  const auto version_call = redis::read_directory();
  const auto wal_call = redis::read_wal(server);
  const auto mark_call = redis::read_mark(server);
  const std::vector<redis::Command> commands{version_call.command, wal_call.command, mark_call.command};
  const auto replies = redis_.pipeline(commands);
  if (!replies) return {};
  Reach reach;
  const auto mark = mark_call.read(ReplyView((*replies)[2].get()));
  if (mark && *mark) reach.mark = {(*mark)->number, (*mark)->text};
  const auto wal_position = wal_call.read(ReplyView((*replies)[1].get()));
  if (!wal_position || !*wal_position) return reach;
  const auto version = version_call.read(ReplyView((*replies)[0].get()));
  reach.server = server;
  reach.version = version ? version->value_or(0) : 0;
  reach.wal_position = **wal_position;
  return reach;
}

/// Every sale counts as one of a later epoch until it is rebuilt. `changes`: what there was before, and then is.
Error DirectoryLoader::begin_anew(const GoneBack& gone_back, postgres::DirectoryChanges& changes) {
  telemetry::log_error(
      "postgres has gone back in time, every sale is rebuilt",
      {{"version", changes.version}, {"was", gone_back.above}, {"marks_lost", changes.lost_marks.size()}});
  if (const auto error = postgres::begin_anew(session_, gone_back.above, gone_back.lost_marks)) return error;
  auto all = postgres::load_directory(session_, 0);
  if (!all) return all.error();
  changes = std::move(*all);
  return {};
}

/// The newest mark, of this look or of another instance's. After the last look nobody here makes one.
postgres::ServerMark DirectoryLoader::renewed_mark(const postgres::DirectoryChanges& changes, Look look) {
  const bool may_wait = changes.mark_is_fresh || Steady::now() < mark_not_before_;
  if (!changes.mark_is_behind || (may_wait && look != Look::last)) return changes.newest_mark;
  auto renewed = postgres::renew_mark(session_, changes.newest_mark);
  if (renewed) return std::move(*renewed);
  mark_not_before_ = Steady::now() + kMarkPause;
  return changes.newest_mark;
}

/// Also after Redis was wiped: a directory key that is missing keeps `unknown sale` from being said.
void DirectoryLoader::announce(const Reach& announced, bool has_gone_back) {
  std::vector<redis::Command> news{redis::raise_directory(seen_.version).command,
                                   redis::raise_wal(seen_.server, seen_.wal_position, has_gone_back).command};
  if (seen_.mark != announced.mark && seen_.mark.number >= 0) {
    news.push_back(redis::tell_mark(seen_.server, seen_.mark.number, seen_.mark.text).command);
  }
  (void)redis_.pipeline(news);
}

}  // namespace flashsale::catalog
