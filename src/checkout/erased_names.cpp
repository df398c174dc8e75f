#include "flashsale/checkout/erased_names.hpp"

#include <utility>

#include "flashsale/redis/known_orders.hpp"

namespace flashsale::checkout {
namespace {

/// Of one statement.
constexpr std::int32_t kNamesMax = 200;
/// In one pass; more are told in the next.
constexpr int kRoundsMax = 5;

/// False: the sale is not served under the epoch that PostgreSQL has, or a store failed.
bool tell(workers::Stores& stores, const postgres::ErasedName& name) {
  auto& client = stores.redis();
  if (client.connect()) return false;
  OrderId last;
  for (;;) {
    const auto ids = postgres::find_erased_orders(stores.session(), name, last, redis::kFindAtOnce);
    if (!ids) return false;
    if (ids->empty()) return true;
    const auto fence = stores.fence(name.sale_id, name.epoch);
    const auto outcome = client.ask(redis::rename_customer(fence, name.pseudonym, *ids));
    if (!outcome || *outcome == redis::RenameOutcome::lost) {
      (void)client.check_identity();
      return false;
    }
    last = ids->back();
  }
}

/// Those after `last`, which becomes empty when there are no more. False: not all of them, this time.
bool tell_some(workers::Stores& stores, std::string_view pseudonym, std::optional<postgres::ErasedName>& last) {
  const auto after = std::exchange(last, std::nullopt);
  const auto names = postgres::find_erased_names(stores.session(), pseudonym, kNamesMax, after ? &*after : nullptr);
  if (!names) return false;
  bool all = true;
  for (const auto& name : *names) {
    if (name.let_go || tell(stores, name)) (void)postgres::forget_erased_name(stores.session(), name);
    else all = false;
  }
  if (names->size() == static_cast<std::size_t>(kNamesMax)) last = names->back();
  return all;
}

}  // namespace

bool tell_erased_name(workers::Stores& stores, std::string_view pseudonym) {
  std::optional<postgres::ErasedName> last;
  do {
    if (!tell_some(stores, pseudonym, last)) return false;
  } while (last);
  return true;
}

void tell_erased_names(workers::Stores& stores, std::optional<postgres::ErasedName>& told_up_to) {
  for (int round = 0; round < kRoundsMax; ++round) {
    (void)tell_some(stores, {}, told_up_to);
    if (!told_up_to) return;
  }
}

}  // namespace flashsale::checkout
