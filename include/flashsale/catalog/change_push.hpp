#pragma once
#include <cstdint>

#include "flashsale/model/result.hpp"
#include "flashsale/model/sale.hpp"
#include "flashsale/workers/stores.hpp"

/// Tells Redis what was changed in PostgreSQL. Blocking; may be repeated, and may run on several instances at once.
namespace flashsale::catalog {

enum class PushOutcome : std::uint8_t {
  done,
  lost,  ///< the sale is not in Redis under this epoch: it has to be rebuilt
};

/// State and times, when Redis has an older version (PROTOCOL R15).
[[nodiscard]] Result<PushOutcome> push_definition(workers::Stores& stores, const Sale& sale);
/// Stock changes of an item that Redis has not applied yet (PROTOCOL R12).
[[nodiscard]] Result<PushOutcome> push_stock(workers::Stores& stores, const Sale& sale, std::int32_t item_no);
/// Tells every pulse that the directory has moved.
[[nodiscard]] Error announce_directory(workers::Stores& stores, std::int64_t version);

}  // namespace flashsale::catalog
