#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/pqxx.hpp"
#include "flashsale/postgres/session.hpp"

// What reading all orders of a sale takes, for the snapshot, the audit and the report.
namespace flashsale::postgres {

/// A million rows are read in well under a second each; a slow disk may need longer than a buyer would wait.
inline constexpr std::chrono::seconds kLongRead{60};

/// For the transaction that has just begun.
void allow_long_reads(Session& session, pqxx::transaction_base& tx);

/// The first three parameters of such a statement, and the last one of those that read all orders.
struct ItemRange {
  std::int32_t first = 0;
  std::int32_t last = 0;
  std::string all;        ///< array literal
  bool archived = false;  ///< some may stand in the archive; true of the snapshot that `sale` was read in
};

/// `sale` has items, in order of item_no.
[[nodiscard]] ItemRange items_of(const Sale& sale);

}  // namespace flashsale::postgres
