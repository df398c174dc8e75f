#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flashsale::api {

/// The query part of a target. Names and values are percent-decoded; `ok` is false when that cannot be done, when a
/// name comes twice, or when there are more than 16.
class QueryParameters {
 public:
  explicit QueryParameters(std::string_view query);
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// True when every name is one of `known`.
  [[nodiscard]] bool only(std::initializer_list<std::string_view> known) const;

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
  bool ok_ = true;
};

/// Page size of a list: `limit`, 1..1000, 100 when it is not given. Empty: malformed.
[[nodiscard]] std::optional<std::int32_t> page_limit(const QueryParameters& query);

}  // namespace flashsale::api
