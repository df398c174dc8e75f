#include "order_changes.hpp"

#include <string>

#include "embedded/flashsale_postgres.hpp"
#include "statement.hpp"

namespace flashsale::postgres {

void tell_of_refund(pqxx::transaction_base& tx, const OrderChange& change) {
  const auto& refund = *change.refund;
  execute(tx, embedded::outbox_refund_required_sql, change.id.sale_no(), change.id.to_string(),
          std::string(refund.payment_id), refund.paid.amount, refund.paid.currency, std::string(refund.reason));
}

}  // namespace flashsale::postgres
