#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/model/behaviour.hpp"
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// How a customer has behaved in a sale, as one process has seen it, or all together.
struct CustomerBehaviour {
  std::string customer_id;
  Behaviour behaviour;
  int score = 0;
  TimePoint seen_at{};  ///< the last checkout
};

/// Of one process and one sale, for the first time. May be repeated.
[[nodiscard]] Error add_behaviour(Session& session, std::int32_t sale_no, std::int64_t process_no,
                                  std::span<const CustomerBehaviour> found);
/// Of customers who were written before; gives those who are still there.
[[nodiscard]] Result<std::vector<std::string>> update_behaviour(Session& session, std::int32_t sale_no,
                                                                std::int64_t process_no,
                                                                std::span<const CustomerBehaviour> found);

/// Everybody of a sale of whom something is told, put together over all processes, the highest score first. Of the
/// kBehaviourRowsMax highest rows. `customer_id` empty: of all.
inline constexpr std::int32_t kBehaviourRowsMax = 50'000;
[[nodiscard]] Result<std::vector<CustomerBehaviour>> read_behaviour(Session& session, std::int32_t sale_no,
                                                                    std::string_view customer_id = {});

using BehaviourBands = std::array<std::int64_t, kBehaviourBands.size()>;
[[nodiscard]] BehaviourBands count_bands(std::span<const CustomerBehaviour> customers);
/// Of a sale, however many there are, by the highest score that one process has given a customer. Put together, as
/// read_behaviour() does it, scores can be other ones.
[[nodiscard]] Result<BehaviourBands> read_bands(Session& session, std::int32_t sale_no);

/// In which sales something is told of a customer.
[[nodiscard]] Result<std::vector<std::int32_t>> find_sales_with_behaviour(Session& session,
                                                                          std::string_view customer_id);

/// All that is told of a customer, in all sales.
[[nodiscard]] Error erase_behaviour(Session& session, std::string_view customer_id);
/// What of a sale is older.
[[nodiscard]] Error drop_old_behaviour(Session& session, std::int32_t sale_no, std::chrono::seconds older_than);

}  // namespace flashsale::postgres
