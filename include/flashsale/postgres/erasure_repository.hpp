#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/order_id.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

struct ErasedOrders {
  std::int64_t orders = 0;
  std::vector<std::string> sale_ids;
};

/// One transaction: puts `pseudonym` in the customer's place in at most `limit` orders, without what was written about
/// their cancellation, and logs that under the pseudonym. Redis holds the customer's id too: that it is to be told
/// stands in the same transaction, so that it is done whatever fails in between.
[[nodiscard]] Result<ErasedOrders> erase_orders(Session& session, std::string_view customer_id,
                                                std::string_view pseudonym, std::int32_t limit, std::string_view who);

/// A pseudonym of which Redis is to be told in this sale.
struct ErasedName {
  std::string pseudonym;
  std::int32_t sale_no = 0;
  std::string sale_id;
  std::int64_t epoch = 0;
  bool let_go = false;
};
/// `pseudonym` empty: of any. In an order of their own, after `after` if given.
[[nodiscard]] Result<std::vector<ErasedName>> find_erased_names(Session& session, std::string_view pseudonym,
                                                                std::int32_t limit, const ErasedName* after = nullptr);
/// Orders of it above this id, in the order of their ids.
[[nodiscard]] Result<std::vector<OrderId>> find_erased_orders(Session& session, const ErasedName& name,
                                                              const OrderId& after, std::int32_t limit);
/// Redis has been told.
[[nodiscard]] Error forget_erased_name(Session& session, const ErasedName& name);

}  // namespace flashsale::postgres
