#include "traffic.hpp"

#include <algorithm>

#include "flashsale/model/check.hpp"
#include "flashsale/model/order_line.hpp"

namespace flashsale::load {
namespace {

constexpr std::size_t kSampleMax = 4096;

}  // namespace

void Traffic::Sample::add(KeyLog::Index key, Random& random) {
  if (keys_.size() < kSampleMax) {
    keys_.push_back(key);
  } else {
    keys_[random.below(kSampleMax)] = key;
  }
}

std::optional<KeyLog::Index> Traffic::Sample::pick(Random& random) const {
  if (keys_.empty()) return std::nullopt;
  return keys_[random.below(static_cast<std::uint32_t>(keys_.size()))];
}

Traffic::Traffic(const Parameters& parameters, KeyLog& keys, Tally& tally)
    : parameters_(parameters),
      keys_(keys),
      tally_(tally),
      random_(parameters.seed + 2 * parameters.share + 1),
      answers_random_(~parameters.seed - parameters.share),
      own_buyers_((parameters.buyers - parameters.share + parameters.shares - 1) / parameters.shares) {
  FLASHSALE_CHECK(own_buyers_ > 0 && parameters.items > 0);
  purchases_.resize(own_buyers_);
}

std::uint32_t Traffic::next_buyer() {
  const std::uint32_t own = next_own_buyer_;
  if (all_buyers_used_) ++tally_.counters.buyers_used_again;
  if (++next_own_buyer_ == own_buyers_) {
    next_own_buyer_ = 0;
    all_buyers_used_ = true;
  }
  return own * parameters_.shares + parameters_.share;
}

KeyLog::Index Traffic::new_key(std::uint32_t buyer) {
  KeyRecord record;
  record.buyer = buyer;
  record.purchase = purchases_[buyer / parameters_.shares]++;
  const std::uint32_t place = parameters_.items == 1 ? 0 : random_.below(parameters_.items);
  record.item = static_cast<std::uint16_t>(parameters_.first_item + place);
  if (parameters_.mix.cart > 0 && parameters_.items > 1 && random_.unit() < parameters_.mix.cart) {
    const auto most = std::min<std::uint32_t>(parameters_.items, kMaxOrderLines);
    record.lines = static_cast<std::uint8_t>(2 + random_.below(most - 1));
  }
  return keys_.add(record);
}

void Traffic::push(const Ticket& ticket) {
  if (queue_.size() < parameters_.queue_max) {
    queue_.push_back(ticket);
  } else {
    tally_.count_not_sent(ticket.kind);
  }
}

/// Latency counts from here: that the worker looks a few times a second is no fault of the server's.
void Traffic::release_later(std::uint64_t now_ns) {
  while (!later_.empty() && later_.top().due_ns <= now_ns) {
    Ticket ticket = later_.top();
    later_.pop();
    ticket.due_ns = now_ns;
    push(ticket);
  }
}

void Traffic::push_checkout(std::uint64_t due_ns, KeyLog::Index key, Kind kind) {
  const double async_share = parameters_.mix.respond_async;
  push({due_ns, key, kind, async_share > 0 && random_.unit() < async_share, 0});
}

void Traffic::arrive_greedily(std::uint64_t due_ns) {
  const std::uint32_t buyer = next_buyer();
  for (std::uint32_t i = 0; i < parameters_.greedy_orders; ++i) {
    const KeyLog::Index key = new_key(buyer);
    // All for the same items: the limit is each item's.
    if (i > 0) keys_[key].item = keys_[key - 1].item, keys_[key].lines = keys_[key - 1].lines;
    push_checkout(due_ns, key, Kind::greedy);
  }
}

std::optional<KeyLog::Index> Traffic::earlier_key() {
  // When everything is sold out nearly all keys have been refused; those with an order are what must still be found.
  const bool prefers_order = answers_random_.unit() < 0.5;
  const auto with_order = with_order_.pick(answers_random_);
  const auto any = answered_.pick(answers_random_);
  return prefers_order && with_order ? with_order : any;
}

void Traffic::arrive(std::uint64_t due_ns) {
  const Mix& mix = parameters_.mix;
  double place = random_.unit();
  if ((place -= mix.reader) < 0) return push({due_ns, Ticket::kNoKey, Kind::reader, false, 0});
  if ((place -= mix.greedy) < 0) return arrive_greedily(due_ns);
  if ((place -= mix.retry) < 0) {
    if (const auto key = earlier_key()) return push_checkout(due_ns, *key, Kind::retry);
  }
  const KeyLog::Index key = new_key(next_buyer());
  push_checkout(due_ns, key, Kind::fresh);
  if (place >= 0 && place < mix.duplicate) push_checkout(due_ns, key, Kind::duplicate);
}

std::optional<Ticket> Traffic::pop() {
  if (queue_.empty()) return std::nullopt;
  const Ticket ticket = queue_.front();
  queue_.pop_front();
  return ticket;
}

void Traffic::drop_waiting() {
  for (const Ticket& ticket : queue_) tally_.count_not_sent(ticket.kind);
  queue_.clear();
}

void Traffic::on_answer(KeyLog::Index key, Kind kind, Outcome outcome, std::uint64_t now_ns) {
  if (kind == Kind::fresh || kind == Kind::greedy) answered_.add(key, answers_random_);
  if (outcome != Outcome::created && outcome != Outcome::accepted) return;
  with_order_.add(key, answers_random_);
  const double cancel_share = parameters_.mix.cancel;
  if (outcome == Outcome::created && cancel_share > 0 && answers_random_.unit() < cancel_share) {
    const auto delay = answers_random_.unit() * static_cast<double>(parameters_.cancel_delay_ns);
    const Ticket cancel{now_ns + static_cast<std::uint64_t>(delay), key, Kind::cancel, false, 0};
    return parameters_.cancel_delay_ns > 0 ? push_later(cancel) : push(cancel);
  }
}

}  // namespace flashsale::load
