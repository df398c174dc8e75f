#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/sale.hpp"
#include "flashsale/postgres/pqxx.hpp"

// What the parts of the sale repository share. Locks are always taken in the order items (by item_no), sale, directory.
namespace flashsale::postgres {

struct SaleFilter {
  std::int64_t changed_after = -1;  ///< directory version
  std::int32_t after_sale_no = 0;   ///< created after this one; 0: from the first
  std::int32_t limit = std::numeric_limits<std::int32_t>::max();
  std::string sale_id;       ///< empty: any
  std::int32_t sale_no = 0;  ///< 0: any
};

/// Whole sales with their items, in the order of their creation. Two statements: for one moment's view use a snapshot.
[[nodiscard]] std::vector<Sale> read_sales(pqxx::transaction_base& tx, const SaleFilter& filter);

/// One of them; empty: there is none.
[[nodiscard]] std::optional<Sale> read_sale(pqxx::transaction_base& tx, std::int32_t sale_no);
[[nodiscard]] std::optional<Sale> read_sale(pqxx::transaction_base& tx, std::string_view sale_id);

/// Locks the rows of all its items, in order, until the transaction ends: nobody adds an order meanwhile, nor ends one.
void lock_items(pqxx::transaction_base& tx, std::int32_t sale_no);

/// Locks the sale's row until the transaction ends. False: there is none.
bool lock_sale(pqxx::transaction_base& tx, std::int32_t sale_no);

/// Raises the directory version for a change of this sale, whose row the caller has locked. The last lock taken.
void publish_sale(pqxx::transaction_base& tx, std::int32_t sale_no);

/// `change` is JSON.
void write_log(pqxx::transaction_base& tx, std::string_view who, std::string_view action, std::string_view subject,
               std::string_view change);

}  // namespace flashsale::postgres
