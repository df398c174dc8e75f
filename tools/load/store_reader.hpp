#pragma once
#include <string>
#include <vector>

#include "check.hpp"
#include "payment_check.hpp"

namespace flashsale::load {

struct StoreContents {
  std::vector<StoredOrder> orders;
  std::vector<StoredItem> items;  ///< in the order of Expectation::items
  std::vector<StoredPayment> payments;
  std::vector<StoredRefund> refunds;
};

/// Of a sale that there is. Throws what libpqxx throws.
[[nodiscard]] SaleIdentity read_sale_identity(const std::string& postgres_url, const std::string& sale_id);

/// Whether an order of the sale waits for its payment, or a message about one for what becomes of it; also a message of
/// this run whose order is not there.
[[nodiscard]] bool has_open_payments(const std::string& postgres_url, const Expectation& expectation);

/// Everything that PostgreSQL has of one sale, of one snapshot. Throws what libpqxx throws.
[[nodiscard]] StoreContents read_store(const std::string& postgres_url, const Expectation& expectation);

}  // namespace flashsale::load
