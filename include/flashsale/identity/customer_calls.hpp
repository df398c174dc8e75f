#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace flashsale::identity {

/// How many calls that have to wait for a store one customer has under way in this process: whoever asks for more than
/// their share finds their own calls in the way, not everybody else. Counters in a table of fixed size; customers whose
/// keyed hashes share one share the bound, which nobody can aim at. Any thread, no locks.
class CustomerCalls {
 public:
  /// Ends with its last copy.
  using Call = std::shared_ptr<void>;

  explicit CustomerCalls(std::uint32_t most);
  /// Null: the customer has as many under way as may be.
  [[nodiscard]] Call begin(std::string_view customer_id);

 private:
  static constexpr std::size_t kCounters = 65'536;
  struct Table {
    std::array<std::uint64_t, 2> hash_key{};
    std::array<std::atomic<std::uint32_t>, kCounters> under_way{};
  };

  std::uint32_t most_;
  std::shared_ptr<Table> table_;  ///< outlives the last call
};

}  // namespace flashsale::identity
