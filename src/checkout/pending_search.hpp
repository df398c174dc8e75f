#pragma once
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "flashsale/catalog/catalog.hpp"
#include "flashsale/checkout/order_lookup.hpp"
#include "flashsale/redis/connection.hpp"
#include "flashsale/redis/known_orders.hpp"

namespace flashsale::checkout {

/// Finds orders of which PostgreSQL has no row yet, for one I/O thread. Whoever asks may ask for any id, so the price
/// must not depend on how many ask: questions wait for the pulse that was sent after them, at most a tenth of a second,
/// and go together to the sale that their ids name, if the pulse has seen its pending log hold something. An order that
/// was accepted before the question stands in that log, or has a row by now: PostgreSQL is asked once more before
/// "nowhere" is said. Questions are bounded.
class PendingSearch : public std::enable_shared_from_this<PendingSearch> {
 public:
  using FindCallback = OrderLookup::Callback;

  PendingSearch(boost::asio::io_context& context, redis::Connection& redis, catalog::Catalog& catalog,
                OrderLookup& lookup)
      : context_(context), redis_(redis), catalog_(catalog), lookup_(lookup) {}

  /// `rows_can_be_read` false: PostgreSQL does not answer, so that only what Redis has can be told.
  void find(const OrderId& id, bool rows_can_be_read, FindCallback callback);
  /// After the thread's catalog has got the newest snapshot.
  void snapshot_replaced();
  /// Gives up on questions for which no pulse comes.
  void check_deadlines(catalog::SteadyTime now);

 private:
  struct Question {
    OrderId id;
    bool rows_can_be_read = true;
    FindCallback callback;
    catalog::SteadyTime asked_at{};
  };
  /// Questions of one sale that are on their way together.
  struct Batch {
    std::vector<Question> questions;
    std::vector<bool> unsure;  ///< of each: the sale did not answer
    std::size_t calls = 0;
  };

  void send(std::vector<Question> questions, const std::shared_ptr<const catalog::SaleSnapshot>& sale);
  void ask(const Sale& sale, const std::shared_ptr<Batch>& batch, std::size_t first, std::size_t count);
  void read(const std::shared_ptr<Batch>& batch, std::size_t first, std::size_t count,
            const Result<redis::FindReply>& found);
  void call_ended(const std::shared_ptr<Batch>& batch);
  void look_for_row(const Question& question, bool unsure);
  void answer(const FindCallback& callback, Result<std::optional<Order>> result);

  boost::asio::io_context& context_;
  redis::Connection& redis_;
  catalog::Catalog& catalog_;
  OrderLookup& lookup_;
  std::vector<Question> waiting_;  ///< for a pulse
  std::size_t under_way_ = 0;      ///< all that are not answered
};

}  // namespace flashsale::checkout
