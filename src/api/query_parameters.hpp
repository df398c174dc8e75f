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
  /// The same of the names that are known; what others have put into the query, such as the marks of advertisements in
  /// links to a shop, is as if it were not there.
  QueryParameters(std::string_view query, std::initializer_list<std::string_view> known);
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// True when every name is one of `known`.
  [[nodiscard]] bool only(std::initializer_list<std::string_view> known) const;

 private:
  /// The name and the value behind it; neither when it cannot be decoded.
  using Parameter = std::pair<std::optional<std::string>, std::optional<std::string>>;
  [[nodiscard]] static Parameter take_first(std::string_view& query);
  void add(Parameter&& parameter);

  std::vector<std::pair<std::string, std::string>> parameters_;
  bool ok_ = true;
};

/// Page size of a list: `limit`, 1..1000, 100 when it is not given. Empty: malformed.
[[nodiscard]] std::optional<std::int32_t> page_limit(const QueryParameters& query);

/// A cursor, or a part of one: 0, or 1 to 18 decimal digits of which the first is not 0.
[[nodiscard]] std::optional<std::int64_t> parse_cursor_number(std::string_view text);

/// The number that `cursor` says, `first` when it is not given. Empty: malformed.
[[nodiscard]] std::optional<std::int64_t> page_cursor(const QueryParameters& query, std::int64_t first);

}  // namespace flashsale::api
