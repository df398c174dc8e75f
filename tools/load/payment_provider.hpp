#pragma once
#include <cstdint>
#include <deque>

#include "answer.hpp"
#include "payment_message.hpp"
#include "random.hpp"
#include "traffic.hpp"

namespace flashsale::load {

/// What becomes of the orders of one worker: who pays, when, how often. Repeats a message until it is taken.
class PaymentProvider {
 public:
  struct Parameters {
    Mix mix;
    std::uint64_t window_ns = 0;  ///< an order's time to pay; 0: nothing is to be paid
    std::uint64_t seed = 0;
    unsigned share = 0;
    unsigned shares = 1;
  };
  /// The longest that a payment keeps a run waiting after its order, beyond the window.
  static std::uint64_t patience_ns();

  PaymentProvider(const Parameters& parameters, Traffic& traffic);

  /// A checkout was answered 201, or 202: then who pays in time does so at once, perhaps before there is a row.
  void on_order(KeyLog::Index key, const KeyRecord& record, std::uint64_t now_ns, bool is_written);
  void on_sent(std::uint32_t payment) { ++messages_[payment].attempts; }
  void on_answer(KeyLog::Index key, std::uint32_t payment, const Answer& answer, std::uint64_t now_ns);

  [[nodiscard]] const PaymentMessage& message(std::uint32_t payment) const { return messages_[payment]; }
  [[nodiscard]] const std::deque<PaymentMessage>& messages() const { return messages_; }

 private:
  void pay(KeyLog::Index key, const KeyRecord& record, bool succeeds, std::uint64_t due_ns);
  [[nodiscard]] std::uint64_t in_time(bool is_written);
  [[nodiscard]] std::uint64_t too_late();
  [[nodiscard]] std::uint64_t up_to(std::uint64_t most_ns);

  Parameters parameters_;
  Traffic& traffic_;
  Random random_;
  std::deque<PaymentMessage> messages_;  ///< does not move as it grows
};

}  // namespace flashsale::load
