#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace flashsale::insight {

/// The customers who buy most, in bounded memory: the Space-Saving summary of Metwally, Agrawal and El Abbadi
/// ("Efficient Computation of Frequent and Top-k Elements in Data Streams", ICDT 2005). Whoever has bought more than
/// all units divided by `customers_max` is in it, and no count is lower than the true one.
class TopBuyers {
 public:
  struct Buyer {
    std::string customer_id;
    std::int64_t units = 0;
    std::int64_t error = 0;  ///< by so much `units` may be too high
    bool operator==(const Buyer&) const = default;
  };

  explicit TopBuyers(std::size_t customers_max = 1000) : customers_max_(customers_max) {}

  /// `error` is what a count that was kept elsewhere has.
  void add(const std::string& customer_id, std::int64_t units, std::int64_t error = 0);
  /// An erasure: the pseudonym takes the customer's place.
  void rename(const std::string& customer_id, const std::string& pseudonym);
  /// At most `count`, the highest first.
  [[nodiscard]] std::vector<Buyer> top(std::size_t count) const;

 private:
  struct Count {
    std::int64_t units = 0;
    std::int64_t error = 0;
  };
  [[nodiscard]] Count take_out(const std::string& customer_id);

  std::size_t customers_max_;
  std::map<std::string, Count> counts_;
  std::set<std::pair<std::int64_t, std::string>> by_units_;
};

}  // namespace flashsale::insight
