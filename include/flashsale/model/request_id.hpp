#pragma once
#include <algorithm>
#include <boost/container/static_vector.hpp>
#include <cstddef>
#include <string_view>

namespace flashsale {

/// The X-Request-Id of the request that something was done for, so that log lines about it can be found by it. The text
/// stands inside: to keep one costs no memory of its own.
class RequestId {
 public:
  static constexpr std::size_t kBytesMax = 128;

  RequestId() = default;
  /// What is longer is cut.
  explicit RequestId(std::string_view text)
      : text_(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(text.size(), kBytesMax))) {}

  [[nodiscard]] std::string_view view() const { return {text_.data(), text_.size()}; }

 private:
  boost::container::static_vector<char, kBytesMax> text_;
};

}  // namespace flashsale
