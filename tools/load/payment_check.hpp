#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "check.hpp"
#include "payment_message.hpp"

namespace flashsale::load {

/// A row of payment_events.
struct StoredPayment {
  OrderId order_id;
  std::string payment_id;
  bool succeeded = false;
  PaymentOutcome outcome = PaymentOutcome::waiting;
};

/// A row that says that money has to go back.
struct StoredRefund {
  OrderId order_id;
  std::string payment_id;
};

/// What the provider was told, and what PostgreSQL has of it.
struct PaymentHistory {
  std::vector<PaymentMessage> messages;
  std::vector<StoredPayment> payments;
  std::vector<StoredRefund> refunds;
};

/// Holds the money against the orders of a sale that has to be paid, and adds what is wrong to the verdict. Everything
/// must have settled, the time to pay of the last order included. Of an order that Redis has lost before it was
/// written, all money must have gone back. Sorts the history.
void check_payments(const Expectation& expectation, const std::vector<KeyRecord>& keys,
                    const std::vector<StoredOrder>& orders, PaymentHistory& history, Verdict& verdict);

}  // namespace flashsale::load
