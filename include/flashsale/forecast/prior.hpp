#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace flashsale::forecast {

/// Arrivals by second of an earlier sale or a rehearsal, from its opening on. After its end nothing came.
class EarlierCurve {
 public:
  explicit EarlierCurve(const std::vector<double>& arrivals, std::optional<std::int64_t> registrations = std::nullopt);

  /// Of the first seconds.
  [[nodiscard]] double total(unsigned seconds) const;
  [[nodiscard]] double rate(unsigned from_s, unsigned span_s) const;
  [[nodiscard]] double peak(unsigned from_s, unsigned span_s) const;
  [[nodiscard]] std::optional<std::int64_t> registrations() const { return registrations_; }

 private:
  std::vector<double> sums_;  ///< of the first i seconds
  std::optional<std::int64_t> registrations_;
};

/// What is known of a sale before anybody came. Each part may be missing.
struct Prior {
  std::optional<std::int64_t> registrations;
  std::shared_ptr<const EarlierCurve> earlier;
};

}  // namespace flashsale::forecast
