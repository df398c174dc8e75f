#pragma once
#include <chrono>

#include "flashsale/postgres/pqxx.hpp"
#include "flashsale/postgres/session.hpp"

// What reading all orders of a sale takes, for the snapshot, the audit and the report.
namespace flashsale::postgres {

/// A million rows are read in well under a second each; a slow disk may need longer than a buyer would wait.
inline constexpr std::chrono::seconds kLongRead{60};

/// For the transaction that has just begun.
void allow_long_reads(Session& session, pqxx::transaction_base& tx);

}  // namespace flashsale::postgres
