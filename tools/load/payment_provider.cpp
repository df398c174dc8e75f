#include "payment_provider.hpp"

#include <algorithm>

#include "clock.hpp"

namespace flashsale::load {
namespace {

/// Whoever pays in time thinks it over for so long, at most half of the window.
constexpr std::uint64_t kThinkingNs = kSecondNs;
constexpr std::uint64_t kEarlyNs = 20 * kMillisecondNs;
/// Orders end up to some hundred milliseconds after their time; some payments come just then.
constexpr std::uint64_t kLateNs = 1500 * kMillisecondNs;
/// Of payments that are made twice, each comes late so often: late ones meet each other, too.
constexpr double kTwiceLateShare = 0.25;
/// Messages that are sent twice though nothing was wrong with them.
constexpr double kNeedlessShare = 0.2;
constexpr std::uint8_t kAttemptsMax = 30;
constexpr std::uint64_t kRestNs = 100 * kMillisecondNs;
constexpr std::uint64_t kRestMaxNs = kSecondNs;

Ticket ticket_of(KeyLog::Index key, std::uint32_t payment, std::uint64_t due_ns) {
  Ticket ticket;
  ticket.due_ns = due_ns;
  ticket.key = key;
  ticket.kind = Kind::pay;
  ticket.payment = payment;
  return ticket;
}

}  // namespace

std::uint64_t PaymentProvider::patience_ns() { return kLateNs + kAttemptsMax * kRestMaxNs; }

PaymentProvider::PaymentProvider(const Parameters& parameters, Traffic& traffic)
    : parameters_(parameters), traffic_(traffic), random_(parameters.seed * 3 + parameters.share) {}

std::uint64_t PaymentProvider::up_to(std::uint64_t most_ns) {
  return static_cast<std::uint64_t>(random_.unit() * static_cast<double>(most_ns));
}

std::uint64_t PaymentProvider::in_time(bool is_written) {
  return up_to(is_written ? std::min(kThinkingNs, parameters_.window_ns / 2) : kEarlyNs);
}

std::uint64_t PaymentProvider::too_late() { return parameters_.window_ns + up_to(kLateNs); }

void PaymentProvider::pay(KeyLog::Index key, const KeyRecord& record, bool succeeds, std::uint64_t due_ns) {
  PaymentMessage message;
  message.buyer = record.buyer;
  message.purchase = record.purchase;
  message.units = record.lines;
  message.succeeds = succeeds;
  const auto payment = static_cast<std::uint32_t>(messages_.size());
  message.number = payment * parameters_.shares + parameters_.share;
  messages_.push_back(message);
  const Ticket ticket = ticket_of(key, payment, due_ns);
  traffic_.push_later(ticket);
  if (random_.unit() < kNeedlessShare) traffic_.push_later(ticket);
}

void PaymentProvider::on_order(KeyLog::Index key, const KeyRecord& record, std::uint64_t now_ns, bool is_written) {
  if (parameters_.window_ns == 0) return;
  const Mix& mix = parameters_.mix;
  double place = random_.unit();
  if ((place -= mix.pay) < 0) return pay(key, record, true, now_ns + in_time(is_written));
  if ((place -= mix.pay_late) < 0) return pay(key, record, true, now_ns + too_late());
  if ((place -= mix.pay_fail) < 0) return pay(key, record, false, now_ns + in_time(is_written));
  if ((place -= mix.pay_twice) >= 0) return;
  for (int i = 0; i < 2; ++i) {
    const bool is_late = random_.unit() < kTwiceLateShare;
    pay(key, record, true, now_ns + (is_late ? too_late() : in_time(is_written)));
  }
}

void PaymentProvider::on_answer(KeyLog::Index key, std::uint32_t payment, const Answer& answer, std::uint64_t now_ns) {
  PaymentMessage& message = messages_[payment];
  if (answer.payment_outcome) message.heard |= bit_of(*answer.payment_outcome);
  if (message.heard != 0 || message.attempts >= kAttemptsMax) return;
  traffic_.push_later(ticket_of(key, payment, now_ns + std::min(kRestMaxNs, kRestNs * message.attempts)));
}

}  // namespace flashsale::load
