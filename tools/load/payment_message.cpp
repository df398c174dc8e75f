#include "payment_message.hpp"

namespace flashsale::load {

std::string payment_id_prefix(std::string_view run_mark) { return "pay-" + std::string(run_mark) + "-"; }

std::string payment_id_of(std::string_view run_mark, std::uint32_t number) {
  return payment_id_prefix(run_mark) + std::to_string(number);
}

std::string webhook_id_of(std::string_view run_mark, std::uint32_t number) {
  return "msg-" + std::string(run_mark) + "-" + std::to_string(number);
}

}  // namespace flashsale::load
