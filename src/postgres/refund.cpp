#include "refund.hpp"

#include <string>

#include "embedded/flashsale_postgres.hpp"
#include "order_changes.hpp"
#include "statement.hpp"

namespace flashsale::postgres {

void require_refund(pqxx::transaction_base& tx, const OrderId& order_id, std::string_view payment_id, const Money& paid,
                    std::string_view reason, std::string_view card_hash) {
  const auto noted = execute(tx, embedded::order_require_refund_sql, order_id.sale_no(), order_id.to_string(),
                             std::string(payment_id), paid.amount, paid.currency, std::string(reason));
  if (noted.empty()) return;
  const auto status = static_cast<OrderStatus>(noted[0][0].as<int>());
  const RequiredRefund refund{payment_id, paid, reason};
  OrderChange change{order_id, noted[0][1].as<std::int32_t>(), status, {}, std::nullopt, nullptr, &refund};
  change.card_hash = card_hash;
  note_change(tx, change);
}

void refund_cancelled(pqxx::transaction_base& tx, const OrderId& order_id) {
  for (const auto& row : execute(tx, embedded::payment_take_back_sql, order_id.sale_no(), order_id.to_string())) {
    require_refund(tx, order_id, row[0].as<std::string>(), {row[1].as<std::int64_t>(), row[2].as<std::string>()},
                   "order_cancelled");
  }
}

}  // namespace flashsale::postgres
