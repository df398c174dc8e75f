#pragma once
#include <optional>
#include <string_view>

#include "flashsale/postgres/erasure_repository.hpp"
#include "flashsale/workers/stores.hpp"

namespace flashsale::checkout {

/// Tells Redis that this pseudonym has taken a customer's place in PostgreSQL. In place, under the sale's epoch:
/// nothing is rebuilt and nobody waits. False: not in every sale; any instance's sweeper does the rest. Blocking.
[[nodiscard]] bool tell_erased_name(workers::Stores& stores, std::string_view pseudonym);

/// The same for some of those that Redis has not been told of, on from where the call before has ended: those of a sale
/// that is not served must not stand in front of all others. After the last the next call begins with the first.
void tell_erased_names(workers::Stores& stores, std::optional<postgres::ErasedName>& told_up_to);

}  // namespace flashsale::checkout
