#pragma once
#include <string>
#include <vector>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

/// A PostgreSQL that is the coordinator of a Citus cluster: the schema is the same, distributed by sale. What belongs
/// to the hot path is a transaction of one sale, and so of one shard (docs/decisions.md, "A sale is the unit of both
/// stores"). Blocking.
namespace flashsale::postgres {

/// Whether the server has the extension.
[[nodiscard]] Result<bool> is_citus(Session& session);

/// Distributes what is not distributed yet. After migrate(), as the owner; repeatable. One statement a transaction:
/// each locks tables on all nodes. What was done, a statement each.
[[nodiscard]] Result<std::vector<std::string>> distribute(Session& session);

/// How one node of the cluster stands.
struct NodeDurability {
  std::string node;  ///< host:port
  bool fsync = false;
  bool full_page_writes = false;
  std::string synchronous_commit;  ///< empty: the node did not answer
};
[[nodiscard]] Result<std::vector<NodeDurability>> nodes_durability(Session& session);

}  // namespace flashsale::postgres
