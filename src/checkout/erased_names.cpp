#include "flashsale/checkout/erased_names.hpp"

#include <algorithm>

#include "flashsale/postgres/erasure_repository.hpp"
#include "flashsale/redis/sale_scripts.hpp"
#include "flashsale/telemetry/fault_point.hpp"

namespace flashsale::checkout {
namespace {

/// In one pass; more are told in the next.
constexpr std::int32_t kNamesMax = 200;
constexpr std::int64_t kLogPage = 100;
constexpr int kLogPagesMax = 200;

using redis::ReplyView;

/// False: the sale is not served under the epoch that PostgreSQL has, or a store failed.
bool tell(catalog::Publisher& stores, const postgres::ErasedName& name) {
  auto& client = stores.redis();
  if (client.connect()) return false;
  OrderId last;
  for (;;) {
    const auto ids = postgres::find_erased_orders(stores.session(), name, last, redis::kFindAtOnce);
    if (!ids) return false;
    if (ids->empty()) return true;
    const redis::Fence fence{name.sale_id, name.epoch, client.identity()};
    const auto reply = client.call(redis::rename_command(fence, name.pseudonym, *ids));
    if (!reply) return false;
    const auto outcome = redis::read_rename(ReplyView(reply->get()));
    if (!outcome || *outcome == redis::RenameOutcome::lost) {
      (void)client.check_identity();
      return false;
    }
    last = ids->back();
  }
}

}  // namespace

void tell_erased_names(catalog::Publisher& stores, std::string_view pseudonym) {
  const auto names = postgres::find_erased_names(stores.session(), pseudonym, kNamesMax);
  if (!names) return;
  for (const auto& name : *names) {
    FLASHSALE_FAULT_POINT("erasure.before_rename");
    if (name.let_go || tell(stores, name)) (void)postgres::forget_erased_name(stores.session(), name);
  }
}

bool has_pending_order(catalog::Publisher& stores, const Sale& sale, std::string_view customer_id) {
  std::string after;
  for (int page_no = 0; page_no < kLogPagesMax; ++page_no) {
    const auto reply = stores.redis().call(redis::pending_command(sale.id, sale.epoch, after, kLogPage));
    if (!reply) return false;
    const ReplyView page(reply->get());
    std::size_t unreadable = 0;
    const auto entries = redis::read_pending(page, unreadable);
    if (!entries) return false;
    const auto is_theirs = [&](const Order& order) { return order.customer_id == customer_id; };
    for (const auto& entry : *entries) {
      if (std::ranges::any_of(entry.orders, is_theirs)) return true;
    }
    if (page.size() < static_cast<std::size_t>(kLogPage)) return false;
    after = page[page.size() - 1][0].text();
  }
  return false;
}

}  // namespace flashsale::checkout
