#pragma once
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "documents.hpp"
#include "flashsale/catalog/snapshot.hpp"
#include "shown_level.hpp"
#include "stream_hub.hpp"

namespace flashsale::api {

/// One sale as those see it who listen: what has changed since somebody was told, as the text of an event that is made
/// once for all who were told equally much. Values alone.
class LiveSale {
 public:
  /// Takes in what is known now.
  void look(const catalog::SaleSnapshot& sale, ShownStock shown, catalog::SteadyTime now);

  /// Rises with each change of an item that shows.
  [[nodiscard]] std::uint64_t stock_version() const { return stock_version_; }
  /// Rises with each change of the sale's state or times.
  [[nodiscard]] std::uint64_t state_version() const { return state_version_; }

  /// `stock` with the items that have changed since that version, with 0 all of them.
  [[nodiscard]] Frame stock_since(std::uint64_t version);
  /// `state`, with the moment by Redis's clock: so clients know when the sale begins, whatever their own clock says.
  [[nodiscard]] Frame state(catalog::SteadyTime now);

 private:
  struct Seen {
    std::int32_t item_no = 0;
    ShownLevel level;
    std::uint64_t changed_at = 0;
  };
  void look_at_items(const catalog::SaleSnapshot& sale, TimePoint earliest);

  std::shared_ptr<const Sale> sale_;
  catalog::RedisClock clock_;
  ShownStock shown_ = ShownStock::counts;
  std::string_view state_;
  std::uint64_t stock_version_ = 0;
  std::uint64_t state_version_ = 0;
  std::vector<Seen> items_;
  std::vector<std::pair<std::uint64_t, Frame>> made_;  ///< of this stock version, by the one that was told before
  Frame state_frame_;
  catalog::SteadyTime state_made_at_{};
};

}  // namespace flashsale::api
