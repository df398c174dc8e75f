#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/postgres/sale_repository.hpp"

/// Whether PostgreSQL has gone back in time: restored from a backup, file by file, with system identifier and timeline
/// as before. (Another server is another identity, for which every sale is rebuilt in any case, PROTOCOL R6.)
namespace flashsale::catalog {

/// How far a PostgreSQL server has come, as this process has heard of it or as any process has told Redis. All of it
/// had been committed before, so a server that does not know it now has gone back.
struct Reach {
  std::string server;        ///< its identity; empty: nothing was heard of any
  std::int64_t version = 0;  ///< of the directory
  std::int64_t wal_position = 0;
  postgres::ServerMark mark{};
};

/// The one that was asked about, and the one that has answered: a failover may have come between.
struct AskedServer {
  std::string_view meant;
  std::string_view answered;
};

struct GoneBack {
  std::int64_t above = 0;               ///< the highest version of the directory that anybody has seen
  std::vector<std::string> lost_marks;  ///< none: version or position have told
};

/// Marks that were seen in the server `meant`, for it to be asked about.
[[nodiscard]] std::vector<postgres::ServerMark> remembered_marks(const Reach& seen, const Reach& announced,
                                                                 std::string_view meant);

/// Nothing when the server is as far as anybody has heard, as another server than the one that was asked about may be.
/// A mark tells however long ago it was; version and position, which a restored server soon reaches again, tell only at
/// once, but of what came after the last mark, too.
[[nodiscard]] std::optional<GoneBack> find_gone_back(const Reach& seen, const Reach& announced,
                                                     const AskedServer& server,
                                                     const postgres::DirectoryChanges& changes);

}  // namespace flashsale::catalog
