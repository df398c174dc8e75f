#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flashsale {

/// What makes the hashes in order ids this shop's own: made once, with PostgreSQL's schema, and never changed. Whoever
/// has it can tell whether an id is a given customer's.
struct OrderIdSalt {
  std::array<std::uint64_t, 2> words{};

  /// From the 36 characters of a UUID, as PostgreSQL keeps it.
  [[nodiscard]] static std::optional<OrderIdSalt> parse(std::string_view text);
  bool operator==(const OrderIdSalt&) const = default;
};

/// An order's identity: a UUIDv8 (RFC 9562) made of the sale's number, a hash of the customer and one of the
/// idempotency key. So the same request has the same id on every instance and after any loss (PROTOCOL R18), whoever
/// holds an id knows its sale, and one customer's orders of a sale are a range of ids.
///
///     ssssssss-cccc-8ccc-{10}cccckkk…   32 bits of the sale, 45 of the customer, 45 of the key
class OrderId {
 public:
  using Bytes = std::array<std::uint8_t, 16>;

  OrderId() = default;
  explicit OrderId(const Bytes& bytes) : bytes_(bytes) {}

  /// `idempotency_key` is the key without quotes. The parts go in with their lengths: `customer|key` without them
  /// would collide. Customer and key are hashed with the sale, so that ids of two sales have nothing in common.
  [[nodiscard]] static OrderId derive(const OrderIdSalt& salt, std::int32_t sale_no, std::string_view customer_id,
                                      std::string_view idempotency_key);
  /// Of a change of an item's stock, which is told apart by its id as an order is, and has no sale in it.
  [[nodiscard]] static OrderId derive_change(std::string_view sale_id, std::string_view sku,
                                             std::string_view idempotency_key);
  /// Parses the 36-character form of any UUID, either case.
  [[nodiscard]] static std::optional<OrderId> parse(std::string_view text);
  /// From 16 raw bytes; the size is asserted.
  [[nodiscard]] static OrderId from_bytes(std::string_view bytes);

  /// Whether it has the form of an id that derive() makes; any other UUID is nobody's order.
  [[nodiscard]] bool is_derived() const;
  /// The sale that it names, whether there is one of this number or not.
  [[nodiscard]] std::int32_t sale_no() const;
  /// Whether it is in the range of this customer's.
  [[nodiscard]] bool is_of(const OrderIdSalt& salt, std::string_view customer_id) const;
  /// The range of ids that its customer's orders of the sale have. (Another customer's may be among them: 45 bits.)
  [[nodiscard]] OrderId first_of_customer() const;
  [[nodiscard]] OrderId last_of_customer() const;

  [[nodiscard]] std::string to_string() const;
  void append_to(std::string& out) const;
  [[nodiscard]] std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }
  /// Of all of it, uniformly spread.
  [[nodiscard]] std::uint64_t hash64() const;

  auto operator<=>(const OrderId&) const = default;

 private:
  Bytes bytes_{};
};

struct OrderIdHash {
  std::size_t operator()(const OrderId& id) const noexcept { return static_cast<std::size_t>(id.hash64()); }
};

}  // namespace flashsale
