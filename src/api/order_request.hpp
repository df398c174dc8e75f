#pragma once
#include <boost/container/static_vector.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "flashsale/api/problem.hpp"
#include "flashsale/model/order_line.hpp"

namespace flashsale::api {

/// Beyond it a body of a checkout is not looked at: ten lines take less than a kilobyte.
inline constexpr std::size_t kOrderBodyBytesMax = 4096;

/// What a checkout asks of one item.
struct OrderBodyLine {
  std::string sku;
  std::int32_t quantity = 0;
};

/// The body of a checkout, or what is wrong with it.
struct OrderBody {
  boost::container::static_vector<OrderBodyLine, kMaxOrderLines> lines;  ///< as they came: each SKU once
  std::optional<ProblemType> problem;
  std::string_view detail;  ///< for people, when there is a problem; a literal
};
/// Strict: an object of exactly `sku` (string) and `quantity` (integer), or of `lines` alone, an array of 1 to
/// kMaxOrderLines of such objects; each member once, nothing behind it, valid UTF-8, at most kOrderBodyBytesMax.
[[nodiscard]] OrderBody parse_order_body(std::string_view body);

/// The key without quotes (a quoted and a bare key are the same): 1..255 visible ASCII characters. Empty: malformed.
[[nodiscard]] std::string_view parse_idempotency_key(std::string_view header);

/// What `Prefer` (RFC 7240) asks of a checkout.
struct Preference {
  bool respond_async = false;
  std::optional<std::chrono::seconds> wait;
  bool has_no_number = false;  ///< a `wait` says something else; who takes orders does not mind
};
/// Preferences that are not known, or malformed, are ignored, as the RFC says.
[[nodiscard]] Preference parse_prefer(std::string_view header);

/// True for `application/json`, with any parameters.
[[nodiscard]] bool is_json(std::string_view content_type);

}  // namespace flashsale::api
