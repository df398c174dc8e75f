#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "flashsale/model/order_id.hpp"
#include "flashsale/model/time.hpp"

namespace flashsale::postgres {

/// A PostgreSQL array in text form, `{a,b}`, for a statement's parameter: libpqxx 6 converts no vectors.
class ArrayLiteral {
 public:
  ArrayLiteral& add(std::int64_t number);
  ArrayLiteral& add(const OrderId& id);
  ArrayLiteral& add(const std::optional<TimePoint>& time);
  ArrayLiteral& add_null();
  /// Quoted and escaped. A NUL byte cuts the parameter off on its way, which the server then refuses as malformed.
  ArrayLiteral& add_text(std::string_view text);
  /// The literal; add nothing afterwards.
  const std::string& close();
  /// After close().
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void separate();
  std::string text_ = "{";
};

[[nodiscard]] std::string array_of(std::span<const OrderId> ids);
[[nodiscard]] std::string array_of(std::span<const std::int32_t> numbers);
[[nodiscard]] std::string array_of(std::span<const std::string> texts);

}  // namespace flashsale::postgres
