#include "flashsale/checkout/sale_troubles.hpp"

#include <algorithm>

namespace flashsale::checkout {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPauseMin{20};
constexpr milliseconds kPauseMax{500};
/// While nothing is written: a thousand sales must not ask a PostgreSQL that is away two thousand times a second.
constexpr milliseconds kGapMax{100};
constexpr int kFailuresBeforeHalving = 3;
/// Whose try fails in less keeps no worker from others.
constexpr milliseconds kSlow{200};

milliseconds longer(milliseconds pause, milliseconds most) { return std::clamp(pause * 2, kPauseMin, most); }

}  // namespace

void SaleTroubles::begin(std::int32_t sale_no, std::size_t orders) { in_hand_.push_back({sale_no, orders}); }

void SaleTroubles::end(std::int32_t sale_no) {
  const auto one = std::ranges::find(in_hand_, sale_no, &InHand::sale_no);
  if (one != in_hand_.end()) in_hand_.erase(one);
}

bool SaleTroubles::is_slow(std::int32_t sale_no) const {
  const auto found = troubles_.find(sale_no);
  return found != troubles_.end() && found->second.is_slow;
}

bool SaleTroubles::may_begin(std::int32_t sale_no, Clock::time_point now, Others others) const {
  const auto found = troubles_.find(sale_no);
  if (found == troubles_.end()) return true;
  const auto& trouble = found->second;
  if (now < trouble.due || now < next_try_at_) return false;
  if (std::ranges::find(in_hand_, sale_no, &InHand::sale_no) != in_hand_.end()) return false;
  if (!trouble.is_slow) return true;
  if (others == Others::first && now < others_first_until_) return false;
  return std::ranges::none_of(in_hand_, [this](const InHand& one) { return is_slow(one.sale_no); });
}

std::optional<SaleTroubles::Clock::time_point> SaleTroubles::next_change(Clock::time_point now) const {
  std::optional<Clock::time_point> next;
  const auto consider = [&](Clock::time_point at) {
    if (at > now && (!next || at < *next)) next = at;
  };
  for (const auto& [sale_no, trouble] : troubles_) {
    consider(std::max(trouble.due, next_try_at_));
    if (trouble.is_slow) consider(others_first_until_);
  }
  return next;
}

std::size_t SaleTroubles::batch_max(std::int32_t sale_no) const {
  const auto found = sizes_.find(sale_no);
  return found == sizes_.end() ? batch_max_ : found->second.most;
}

SaleTroubles::Next SaleTroubles::failed(std::int32_t sale_no, Clock::time_point now, const Failed& how) {
  auto& trouble = troubles_[sale_no];
  if (trouble.since == Clock::time_point{}) trouble.since = now;
  trouble.pause = longer(trouble.pause, kPauseMax);
  trouble.is_of_batch = trouble.is_of_batch || how.orders > 0;
  trouble.is_slow = how.took >= kSlow;
  if (trouble.is_slow) others_first_until_ = now + how.took;
  if (how.is_away) {
    gap_ = longer(gap_, kGapMax);
    next_try_at_ = now + gap_;
  }
  const auto next = how.is_away ? Next::again : narrow(sale_no, trouble, how);
  trouble.due = now + trouble.pause;
  // What is alone now was the whole trouble, unless each of the sale's orders takes long.
  if (next == Next::alone && !trouble.is_slow) troubles_.erase(sale_no);
  return next;
}

SaleTroubles::Next SaleTroubles::narrow(std::int32_t sale_no, Trouble& trouble, const Failed& how) {
  trouble.failures += how.took_long ? kFailuresBeforeHalving : 1;
  if (trouble.failures < kFailuresBeforeHalving) return Next::again;
  trouble.failures = 0;
  if (!trouble.is_slow) trouble.pause = kPauseMin;
  if (how.orders <= 1) return Next::alone;
  sizes_[sale_no] = {how.orders / 2, how.was_too_much};
  return Next::again;
}

void SaleTroubles::written(std::int32_t sale_no, Clock::time_point now, std::size_t orders) {
  troubles_.erase(sale_no);
  grow(sale_no, orders);
  last_written_at_ = now;
  gap_ = {};
  next_try_at_ = {};
}

void SaleTroubles::answered(std::int32_t sale_no) {
  const auto found = troubles_.find(sale_no);
  if (found != troubles_.end() && !found->second.is_of_batch) troubles_.erase(found);
}

/// Each that is too much again costs all of a statement's time; a failing order is a matter of three tries.
void SaleTroubles::grow(std::int32_t sale_no, std::size_t written) {
  const auto size = sizes_.find(sale_no);
  if (size == sizes_.end() || written < size->second.most) return;
  const auto most = size->second.most;
  size->second.most += size->second.was_too_much ? std::max<std::size_t>(1, most / 8) : most;
  if (size->second.most >= batch_max_) sizes_.erase(size);
}

bool SaleTroubles::waits_alone(std::int32_t sale_no) const {
  const auto found = troubles_.find(sale_no);
  return found != troubles_.end() && last_written_at_ > found->second.since;
}

std::vector<std::int32_t> SaleTroubles::waiting_alone() const {
  std::vector<std::int32_t> sales;
  for (const auto& [sale_no, trouble] : troubles_) {
    if (last_written_at_ > trouble.since) sales.push_back(sale_no);
  }
  return sales;
}

std::size_t SaleTroubles::in_hand(std::int32_t sale_no) const {
  std::size_t orders = 0;
  for (const auto& one : in_hand_) {
    if (one.sale_no == sale_no) orders += one.orders;
  }
  return orders;
}

}  // namespace flashsale::checkout
