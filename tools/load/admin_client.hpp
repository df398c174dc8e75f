#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "flashsale/model/time.hpp"
#include "target.hpp"

namespace flashsale::load {

/// The few calls of the admin API that a run needs, each on a connection of its own, blocking. Failures are
/// std::runtime_error with one line for the user: nothing here is on a hot path.
class AdminClient {
 public:
  AdminClient(Target target, std::string token) : target_(std::move(target)), token_(std::move(token)) {}

  struct NewSale {
    std::string id;
    unsigned items = 1;
    std::int64_t stock = 0;
    std::int64_t limit_per_customer = 0;
    unsigned payment_window_s = 0;  ///< 0: free of charge
    TimePoint starts_at{};          ///< the epoch: at once
  };
  /// For a day, unless it is closed before.
  void create_sale(const NewSale& sale);
  /// For good.
  void close_sale(std::string_view sale_id);
  [[nodiscard]] std::vector<Expectation::Item> items_of(std::string_view sale_id);
  struct Score {
    std::string customer_id;
    int score = 0;
  };
  /// How unlike people customers were found to be; those who are not named were not.
  [[nodiscard]] std::vector<Score> behaviour(std::string_view sale_id);
  /// Empty when a store is away at the moment.
  [[nodiscard]] std::string audit(std::string_view sale_id);

 private:
  struct Reply {
    unsigned status = 0;
    std::string body;
  };
  [[nodiscard]] Reply call(std::string_view method, const std::string& path, std::string_view body);

  Target target_;
  std::string token_;
};

}  // namespace flashsale::load
