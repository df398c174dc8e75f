#pragma once
#include <cstdint>
#include <string>

#include "directory_reach.hpp"
#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/redis/sync_client.hpp"

namespace flashsale::catalog {

/// Loads what has moved in the directory, and compares how far PostgreSQL has come with what was heard of it before: by
/// this process, or by any, as Redis tells. Every sale begins anew when it has gone back. Blocking; one thread.
class DirectoryLoader {
 public:
  enum class Look : std::uint8_t { one_of_many, last };

  DirectoryLoader(const postgres::Options& postgres, redis::Options redis);

  /// Sales that were changed since the last load, or all.
  [[nodiscard]] Result<postgres::DirectoryChanges> load(Look look);
  /// As of the last load.
  [[nodiscard]] const Reach& seen() const { return seen_; }
  [[nodiscard]] SteadyTime answered_at() const { return answered_at_; }  ///< when PostgreSQL has answered last
  [[nodiscard]] postgres::Session& session() { return session_; }

 private:
  [[nodiscard]] Error learn_server();
  [[nodiscard]] Reach ask_announced(const std::string& server);
  [[nodiscard]] Error begin_anew(const GoneBack& gone_back, postgres::DirectoryChanges& changes);
  [[nodiscard]] postgres::ServerMark renewed_mark(const postgres::DirectoryChanges& changes, Look look);
  void announce(const Reach& announced, bool has_gone_back);

  postgres::Session session_;
  redis::SyncClient redis_;
  Reach seen_;
  SteadyTime answered_at_{};
  SteadyTime mark_not_before_{};
  std::int64_t wal_begun_anew_from_ = 0;  ///< what was announced when it was answered: Redis may take no lower number
};

}  // namespace flashsale::catalog
