#pragma once
#include <chrono>
#include <cstdint>

#include "flashsale/catalog/upkeep.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/payment_repository.hpp"
#include "flashsale/workers/stores.hpp"

/// What becomes of a payment (PROTOCOL R16). Blocking; every call may be repeated, and what a crash
/// leaves is finished by any instance's payment sweeper.
namespace flashsale::payments {

/// Whether what Redis has to be told is told before the answer, or left to the payment sweeper.
enum class Promptness : std::uint8_t { at_once, later };

/// Stores what the provider tells and does what it says: confirms the order, ends it and gives its units back, takes
/// them again for a late payment, or marks the money as to be returned. An error: nothing is known, to be told again.
[[nodiscard]] Result<postgres::PaymentResult> receive(workers::Stores& stores, catalog::Upkeep& upkeep,
                                                      const PaymentEvent& event, Promptness promptness);

/// One more try for a message that waits for its order or its units; after `patience` its money goes back, unless its
/// order is unknown and that is to be ignored.
[[nodiscard]] Result<postgres::PaymentResult> settle(workers::Stores& stores, catalog::Upkeep& upkeep,
                                                     const postgres::PaymentKey& message, std::chrono::seconds patience,
                                                     UnknownOrders unknown);

}  // namespace flashsale::payments
