#include "buyers.hpp"

#include <charconv>

namespace flashsale::load {

void write_buyer_digits(std::uint32_t buyer, char* out) {
  for (std::size_t i = kCustomerDigits; i > 0; --i) {
    out[i - 1] = static_cast<char>('0' + buyer % 10);
    buyer /= 10;
  }
}

std::string customer_id_of(std::uint32_t buyer) {
  std::string id(kCustomerPrefix);
  id.resize(kCustomerPrefix.size() + kCustomerDigits);
  write_buyer_digits(buyer, id.data() + kCustomerPrefix.size());
  return id;
}

std::optional<std::uint32_t> buyer_of(std::string_view customer_id) {
  if (customer_id.size() != kCustomerPrefix.size() + kCustomerDigits) return std::nullopt;
  if (!customer_id.starts_with(kCustomerPrefix)) return std::nullopt;
  std::uint32_t buyer = 0;
  const char* const end = customer_id.data() + customer_id.size();
  const auto [stopped, error] = std::from_chars(customer_id.data() + kCustomerPrefix.size(), end, buyer);
  if (error != std::errc{} || stopped != end || buyer >= kBuyersMax) return std::nullopt;
  return buyer;
}

void append_key(std::string& out, std::string_view run_mark, std::uint32_t purchase) {
  char digits[10];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, purchase);
  static_cast<void>(error);  // ten digits hold every 32-bit number
  out.append(run_mark);
  out.push_back('-');
  out.append(digits, static_cast<std::size_t>(end - digits));
}

OrderId expected_order_id(const SaleIdentity& sale, std::string_view run_mark, std::uint32_t buyer,
                          std::uint32_t purchase) {
  thread_local std::string key;
  key.clear();
  append_key(key, run_mark, purchase);
  char customer[kCustomerPrefix.size() + kCustomerDigits];
  kCustomerPrefix.copy(customer, kCustomerPrefix.size());
  write_buyer_digits(buyer, customer + kCustomerPrefix.size());
  return OrderId::derive(sale.salt, sale.sale_no, {customer, sizeof customer}, key);
}

}  // namespace flashsale::load
