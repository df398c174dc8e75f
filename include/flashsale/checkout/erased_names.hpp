#pragma once
#include <string_view>

#include "flashsale/catalog/publisher.hpp"

namespace flashsale::checkout {

/// Tells Redis of pseudonyms that have taken a customer's place in PostgreSQL: of this one, or, when it is empty, of
/// all that Redis has not been told of. In place, under the sale's epoch: nothing is rebuilt and nobody waits. What
/// cannot be told now is left for the next call, that of any instance's sweeper. Blocking.
void tell_erased_names(catalog::Publisher& stores, std::string_view pseudonym);

/// Whether an order of this customer waits in the sale's pending log: its row will have the name again.
[[nodiscard]] bool has_pending_order(catalog::Publisher& stores, const Sale& sale, std::string_view customer_id);

}  // namespace flashsale::checkout
