#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "flashsale/forecast/arrival_history.hpp"
#include "flashsale/forecast/prior.hpp"
#include "flashsale/forecast/quantiles.hpp"

namespace flashsale::forecast {

/// Whether anything is worth saying: three seconds and twenty arrivals, or both registrations and an earlier curve.
[[nodiscard]] bool knows_enough(const ArrivalHistory& history, const Prior& prior);

/// The forecast of arrivals as `forecast/fit` has fitted it: a network with one hidden layer and a straight way past
/// it, of some thousand multiplications.
class Model {
 public:
  /// The one that was built in.
  [[nodiscard]] static const Model& built_in();
  /// Empty: that is none of this version, or of other features than this program has.
  [[nodiscard]] static std::optional<Model> parse(std::string_view json);

  [[nodiscard]] ArrivalQuantiles look_ahead(const ArrivalHistory& history, const Prior& prior) const;
  [[nodiscard]] std::int64_t version() const { return version_; }

 private:
  using Row = std::vector<double>;
  using Matrix = std::vector<Row>;  ///< a row for each output

  [[nodiscard]] bool fits() const;

  std::int64_t version_ = 0;
  Row centre_, spread_, hidden_bias_, bias_;
  Matrix hidden_, out_, straight_, stretch_;
};

}  // namespace flashsale::forecast
