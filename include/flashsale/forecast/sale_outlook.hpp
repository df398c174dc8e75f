#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "flashsale/forecast/adaptation.hpp"
#include "flashsale/forecast/arrival_history.hpp"
#include "flashsale/forecast/model.hpp"
#include "flashsale/forecast/prior.hpp"
#include "flashsale/forecast/sell_out.hpp"

namespace flashsale::forecast {

/// What is said of a sale at one moment.
struct Outlook {
  unsigned elapsed_s = 0;                         ///< since the opening, of what it has seen
  std::optional<ArrivalQuantiles> arrivals;       ///< empty: too little is known
  std::vector<std::optional<SellOut>> sell_outs;  ///< of each item
};

/// One sale while it runs, fed once a second. One thread at a time.
class SaleOutlook {
 public:
  /// The model has to live as long.
  explicit SaleOutlook(Prior prior, const Model& model = Model::built_in());

  /// The next second: what came in it, and what remains of each item at its end. Items keep their places; units that
  /// come back or are added count as none taken. None at all: a second long past, of which levels are not known.
  void add_second(double arrivals, std::span<const std::int64_t> remaining);
  [[nodiscard]] Outlook look() const;
  [[nodiscard]] const ArrivalHistory& history() const { return history_; }

 private:
  const Model* model_;
  Prior prior_;
  ArrivalHistory history_;
  Adaptation adaptation_;
  ArrivalQuantiles told_;
  std::vector<std::int64_t> remaining_;
  std::vector<Conversion> conversions_;
};

}  // namespace flashsale::forecast
