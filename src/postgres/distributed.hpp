#pragma once
#include "flashsale/postgres/pqxx.hpp"

namespace flashsale::postgres {

[[nodiscard]] bool has_citus(pqxx::transaction_base& tx);

/// COMMIT of a transaction over several nodes is answered before each of them has carried it out. After this, whatever
/// was answered can be seen. Outside of a transaction block; does nothing on a single server.
void see_all_commits(pqxx::connection& connection);

}  // namespace flashsale::postgres
