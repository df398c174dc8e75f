#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flashsale {

/// An order's identity: a UUIDv5 (RFC 9562) of sale, customer and idempotency key, so that the same request has
/// the same id on every instance and after any loss (PROTOCOL R18).
class OrderId {
 public:
  using Bytes = std::array<std::uint8_t, 16>;

  OrderId() = default;
  explicit OrderId(const Bytes& bytes) : bytes_(bytes) {}

  /// The parts are joined with their lengths in front: `sale|customer|key` without them would collide.
  /// `idempotency_key` is the key without quotes.
  [[nodiscard]] static OrderId derive(std::string_view sale_id, std::string_view customer_id,
                                      std::string_view idempotency_key);
  /// Parses the 36-character form, either case.
  [[nodiscard]] static std::optional<OrderId> parse(std::string_view text);
  /// From 16 raw bytes; the size is asserted.
  [[nodiscard]] static OrderId from_bytes(std::string_view bytes);

  [[nodiscard]] std::string to_string() const;
  void append_to(std::string& out) const;
  [[nodiscard]] std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }
  /// The first 64 bits: uniformly spread, since they come from SHA-1.
  [[nodiscard]] std::uint64_t hash64() const;

  auto operator<=>(const OrderId&) const = default;

 private:
  Bytes bytes_{};
};

struct OrderIdHash {
  std::size_t operator()(const OrderId& id) const noexcept { return static_cast<std::size_t>(id.hash64()); }
};

}  // namespace flashsale
