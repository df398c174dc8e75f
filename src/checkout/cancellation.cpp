#include "flashsale/checkout/cancellation.hpp"

#include "flashsale/postgres/sale_repository.hpp"
#include "flashsale/redis/sale_scripts.hpp"
#include "flashsale/telemetry/fault_point.hpp"
#include "flashsale/telemetry/log.hpp"

namespace flashsale::checkout {

namespace {

Result<postgres::CancelResult> give_back_after(catalog::Publisher& stores, Result<postgres::CancelResult> result) {
  using Outcome = postgres::CancelResult::Outcome;
  if (!result || result->given_back) return result;
  if (result->outcome == Outcome::unknown || result->outcome == Outcome::too_late) return result;
  const auto epoch = postgres::current_epoch(stores.session(), result->sale_no);
  const auto returned = epoch ? give_back(stores, result->row, result->sale_id, *epoch) : Result<bool>(false);
  if (!returned || !*returned) {
    telemetry::log_info("units of a cancelled order will be given back later", {{"order", result->row.id.to_string()}});
  }
  return result;
}

}  // namespace

Result<postgres::CancelResult> cancel_order(catalog::Publisher& stores, const OrderId& id, std::string_view customer_id,
                                            std::string_view reason) {
  return give_back_after(stores, postgres::cancel_order(stores.session(), id, customer_id, reason));
}

Result<postgres::CancelResult> cancel_unwritten_order(catalog::Publisher& stores, const Order& order,
                                                      std::string_view reason) {
  return give_back_after(stores, postgres::cancel_unwritten_order(stores.session(), order, reason));
}

Result<bool> give_back(catalog::Publisher& stores, const Order& row, std::string_view sale_id, std::int64_t epoch) {
  auto& client = stores.redis();
  if (const auto error = client.connect()) return Result<bool>(boost::system::in_place_error, error);
  const redis::Fence fence{sale_id, epoch, client.identity()};
  FLASHSALE_FAULT_POINT("cancel.before_release");
  const auto reply = client.call(redis::release_command(fence, row, true));
  if (!reply) return Result<bool>(boost::system::in_place_error, reply.error());
  const auto released = redis::read_release(redis::ReplyView(reply->get()));
  if (!released) return Result<bool>(boost::system::in_place_error, released.error());
  if (*released == redis::ReleaseOutcome::lost) {
    // Or it is this connection that knows the server by an older identity (PROTOCOL R6).
    (void)client.check_identity();
    return Result<bool>(false);
  }
  FLASHSALE_FAULT_POINT("cancel.after_release");
  const auto error = postgres::mark_given_back(stores.session(), std::span(&row.id, 1));
  if (error) return Result<bool>(boost::system::in_place_error, error);
  return Result<bool>(true);
}

}  // namespace flashsale::checkout
