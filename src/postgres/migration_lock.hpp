#pragma once
#include "flashsale/postgres/pqxx.hpp"

namespace flashsale::postgres {

/// One transaction at a time changes the schema, or who may do what in it.
inline void take_migration_lock(pqxx::transaction_base& tx) {
  // Any number that nothing else in the database uses.
  tx.exec("SELECT pg_advisory_xact_lock(7026381950417)");
}

}  // namespace flashsale::postgres
