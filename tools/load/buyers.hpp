#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/model/order_id.hpp"

namespace flashsale::load {

/// What buyers are called, and their keys. Buyers keep their names from run to run; a key carries the run's mark, so
/// that another run on the same sale places new orders. All buyers use the same keys, which a server that forgets the
/// customer in its idempotency would mix up.
inline constexpr std::string_view kCustomerPrefix = "buyer-";
inline constexpr std::size_t kCustomerDigits = 9;
inline constexpr std::uint32_t kBuyersMax = 20'000'000;

/// The nine digits of a buyer's number.
void write_buyer_digits(std::uint32_t buyer, char* out);
[[nodiscard]] std::string customer_id_of(std::uint32_t buyer);
/// The buyer's number; empty when the customer is nobody of ours.
[[nodiscard]] std::optional<std::uint32_t> buyer_of(std::string_view customer_id);

void append_key(std::string& out, std::string_view run_mark, std::uint32_t purchase);

/// What goes into the ids of a sale's orders.
struct SaleIdentity {
  OrderIdSalt salt;
  std::int32_t sale_no = 0;
};

/// The id that the server must give to a buyer's purchase (PROTOCOL R18).
[[nodiscard]] OrderId expected_order_id(const SaleIdentity& sale, std::string_view run_mark, std::uint32_t buyer,
                                        std::uint32_t purchase);

}  // namespace flashsale::load
