#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// Brings the schema to the version that this binary knows: src/postgres/sql/migrations/NNNN_name.sql in order, each in
/// its own transaction, one statement a message (Citus), its number and checksum recorded in `schema_migrations`.
/// Safe when several instances start at once: an advisory lock in the transaction, and each re-reads what is done
/// after getting it. Returns the names that were applied now. What a newer version has applied besides stays:
/// migrations only add what an older version can live with, so that the two can serve side by side.
[[nodiscard]] Result<std::vector<std::string>> migrate(Session& session);

struct SchemaState {
  std::int32_t found = 0;     ///< highest migration recorded; 0: none
  std::int32_t expected = 0;  ///< highest migration in this binary
  bool is_complete = false;   ///< every migration of this binary is recorded, perhaps later ones besides
  bool checksums_match = true;
};
[[nodiscard]] Result<SchemaState> schema_state(Session& session);

/// Settings of the server that the promises rest on.
struct Durability {
  bool fsync = false;
  bool full_page_writes = false;
  std::string synchronous_commit;   ///< the server's default; sessions set theirs to `on` anyway
  std::int32_t server_version = 0;  ///< as in server_version_num
  bool in_recovery = false;
};
[[nodiscard]] Result<Durability> durability(Session& session);

}  // namespace flashsale::postgres
