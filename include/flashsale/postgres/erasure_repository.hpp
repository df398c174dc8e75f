#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/order_id.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// A sale in which a customer has orders, and where their range of ids begins.
struct SaleOfCustomer {
  std::int32_t sale_no = 0;
  std::string sale_id;
  OrderId first;
};
/// Of all sales that there are, archived ones too.
[[nodiscard]] Result<std::vector<SaleOfCustomer>> find_sales_of_customer(Session& session,
                                                                         std::string_view customer_id);

struct ErasedOrders {
  std::int64_t count = 0;
  std::optional<OrderId> last;  ///< up to it all are erased, and there may be more behind it; empty: there are none
};
/// One transaction: puts `pseudonym` in the customer's place in orders of a sale, without what was written about their
/// cancellation, and logs that under the pseudonym. In the order of their ids, those after `after`; at most `limit`,
/// and as many archived ones. Redis holds the customer's id too: that it is to be told stands in the same transaction,
/// so that it is done whatever fails in between.
[[nodiscard]] Result<ErasedOrders> erase_orders(Session& session, const SaleOfCustomer& sale,
                                                std::string_view customer_id, std::string_view pseudonym,
                                                const OrderId& after, std::int32_t limit, std::string_view who);

/// A pseudonym of which Redis is to be told in this sale.
struct ErasedName {
  std::string pseudonym;
  std::int32_t sale_no = 0;
  std::string sale_id;
  std::int64_t epoch = 0;
  bool let_go = false;
  OrderId first;  ///< where the customer's range of ids begins
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
