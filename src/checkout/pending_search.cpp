#include "pending_search.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>
#include <map>
#include <utility>

#include "flashsale/redis/error.hpp"
#include "flashsale/redis/known_orders.hpp"
#include "flashsale/redis/order_record.hpp"

namespace flashsale::checkout {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kQuestionsMax = 1024;
/// A pulse comes ten times a second.
constexpr std::chrono::milliseconds kPatience{1000};

Error unavailable() { return make_error_code(redis::Failure::unavailable); }

/// The moment before which everything that was accepted in the sale can be seen in the snapshot.
catalog::SteadyTime complete_up_to(const catalog::Snapshot& snapshot, const catalog::SaleSnapshot* sale) {
  if (!snapshot.redis_reached || !snapshot.directory_is_current) return {};
  // A quiet sale has accepted nothing since it was asked last.
  const bool is_still = sale == nullptr || sale->sale->let_go || sale->is_quiet;
  return is_still ? snapshot.clock.sent_at : std::min(snapshot.clock.sent_at, sale->clock.sent_at);
}

/// An order that no store has may be in the memory of an instance, which reserves it again while a sale that was
/// rebuilt rests, and not afterwards.
bool may_be_reserved_again(const catalog::SaleSnapshot& sale, Steady::time_point now) {
  return sale.clock.earliest(now) < sale.resting_until;
}

/// The order of a record that is held; nothing of one that is final, whose row has the last word.
std::optional<Order> read_held(const OrderId& id, const std::string& text) {
  const auto record = redis::parse_order_record(text);
  if (!record || record->withdrawal || !record->held) return std::nullopt;
  Order order;
  order.id = id;
  order.lines = record->lines;
  order.customer_id = record->customer_id;
  order.created_at = record->created_at;
  return order;
}

}  // namespace

void PendingSearch::find(const OrderId& id, bool rows_can_be_read, FindCallback callback) {
  if (under_way_ >= kQuestionsMax) return callback(unavailable());
  ++under_way_;
  waiting_.push_back({id, rows_can_be_read, std::move(callback), Steady::now()});
}

void PendingSearch::snapshot_replaced() {
  if (waiting_.empty()) return;
  const auto snapshot = catalog_.snapshot();
  if (!snapshot->redis_reached) {
    for (const auto& question : std::exchange(waiting_, {})) answer(question.callback, unavailable());
    return;
  }
  std::map<std::int32_t, std::vector<Question>> ready;
  std::vector<Question> rest;
  for (auto& question : waiting_) {
    const auto sale_no = question.id.sale_no();
    const bool is_ready = question.asked_at <= complete_up_to(*snapshot, snapshot->find(sale_no).get());
    (is_ready ? ready[sale_no] : rest).push_back(std::move(question));
  }
  waiting_ = std::move(rest);
  for (auto& [sale_no, questions] : ready) send(std::move(questions), snapshot->find(sale_no));
}

void PendingSearch::check_deadlines(catalog::SteadyTime now) {
  // In the order in which they were asked.
  const auto rest =
      std::ranges::find_if(waiting_, [&](const Question& question) { return question.asked_at + kPatience > now; });
  std::vector<Question> late(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(rest));
  waiting_.erase(waiting_.begin(), rest);
  for (const auto& question : late) answer(question.callback, unavailable());
}

/// All of one sale; null: there is none.
void PendingSearch::send(std::vector<Question> questions, const std::shared_ptr<const catalog::SaleSnapshot>& sale) {
  auto batch = std::make_shared<Batch>();
  batch->questions = std::move(questions);
  const bool is_kept = sale && !sale->sale->let_go;
  const bool unsure = is_kept && (!sale->serving || may_be_reserved_again(*sale, Steady::now()));
  batch->unsure.assign(batch->questions.size(), unsure);
  ++batch->calls;  // until all are on their way
  const bool may_hold = is_kept && sale->serving && sale->log_entries > 0;
  for (std::size_t first = 0; may_hold && first < batch->questions.size(); first += redis::kFindAtOnce) {
    ask(*sale->sale, batch, first, std::min(redis::kFindAtOnce, batch->questions.size() - first));
  }
  call_ended(batch);
}

void PendingSearch::ask(const Sale& sale, const std::shared_ptr<Batch>& batch, std::size_t first, std::size_t count) {
  std::vector<OrderId> ids;
  for (std::size_t i = first; i < first + count; ++i) ids.push_back(batch->questions[i].id);
  const auto fence = redis_.fence(sale.id, sale.epoch);
  ++batch->calls;
  redis_.ask(redis::find_orders(fence, ids),
             [self = shared_from_this(), batch, first, count](const Result<redis::FindReply>& found) {
               self->read(batch, first, count, found);
               self->call_ended(batch);
             });
}

void PendingSearch::read(const std::shared_ptr<Batch>& batch, std::size_t first, std::size_t count,
                         const Result<redis::FindReply>& found) {
  const bool is_known = found && !found->lost;
  for (std::size_t i = 0; i < count; ++i) {
    auto& question = batch->questions[first + i];
    if (!is_known) batch->unsure[first + i] = true;
    if (!is_known || !found->records[i]) continue;
    auto order = read_held(question.id, *found->records[i]);
    if (!order) batch->unsure[first + i] = true;
    else if (question.callback) answer(std::exchange(question.callback, {}), std::optional<Order>(std::move(order)));
  }
}

void PendingSearch::call_ended(const std::shared_ptr<Batch>& batch) {
  if (--batch->calls > 0) return;
  for (std::size_t i = 0; i < batch->questions.size(); ++i) {
    if (batch->questions[i].callback) look_for_row(batch->questions[i], batch->unsure[i]);
  }
}

/// Between the first look and this one it can have been written, and its entry trimmed.
void PendingSearch::look_for_row(const Question& question, bool unsure) {
  if (!question.rows_can_be_read) return answer(question.callback, unavailable());
  auto answered = [self = shared_from_this(), callback = question.callback,
                   unsure](Result<std::optional<Order>> found) {
    boost::asio::post(self->context_, [self, callback, unsure, found = std::move(found)] {
      const bool can_tell = found && (*found || !unsure);
      self->answer(callback, can_tell ? found : Result<std::optional<Order>>(unavailable()));
    });
  };
  if (!lookup_.find(question.id, std::move(answered))) answer(question.callback, unavailable());
}

void PendingSearch::answer(const FindCallback& callback, Result<std::optional<Order>> result) {
  --under_way_;
  callback(std::move(result));
}

}  // namespace flashsale::checkout
