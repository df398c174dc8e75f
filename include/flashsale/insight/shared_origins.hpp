#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flashsale/model/time.hpp"

namespace flashsale::insight {

/// What orders can have in common, as the hashes that events have of it.
enum class OriginKind : std::uint8_t { address, card };
inline constexpr std::array<std::string_view, 2> kOriginKinds{"address", "card"};

/// How many customers there are behind an address or a card, in windows of an hour by the time of the events. In
/// bounded memory: when there are too many, those with the fewest customers are forgotten first, and of these the one
/// of which nothing was heard for longest, so that what many have in common stays.
class SharedOrigins {
 public:
  static constexpr std::int64_t kWindowSeconds = 3600;
  static constexpr std::int64_t kWindowsKept = 2;  ///< up to that of the newest event

  struct Origin {
    std::int64_t begins_at_s = 0;  ///< of its window
    std::string hash;              ///< 32 hex digits
    std::int64_t orders = 0;
    std::int64_t customers = 0;
    bool operator==(const Origin&) const = default;
  };
  /// One as it is kept elsewhere; customers by numbers that are made of their names.
  struct Kept {
    OriginKind kind = OriginKind::address;
    std::int64_t begins_at_s = 0;
    std::string hash;
    std::int64_t orders = 0;
    std::vector<std::uint64_t> customers;
  };

  /// `pairs_max`: customers in one window of one kind, each counted with each of their origins. One that alone has as
  /// many is not known to have more.
  explicit SharedOrigins(std::size_t pairs_max = 50'000) : pairs_max_(pairs_max) {}

  /// An order of this customer. What is no hash, or too late for its window, is left out.
  void add(TimePoint at, OriginKind kind, std::string_view hash, std::string_view customer_id);
  /// An erasure: the pseudonym takes the customer's place.
  void rename(std::string_view customer_id, std::string_view pseudonym);

  /// Those that at least two customers have in common, at most `count`, the most customers first.
  [[nodiscard]] std::vector<Origin> top(OriginKind kind, std::size_t count) const;
  /// How many in one window have at least so many customers; of the windows that are not over for longer than one, that
  /// with the most.
  [[nodiscard]] std::int64_t count_shared(OriginKind kind, std::int64_t customers_min, TimePoint now) const;
  /// Of these windows, the most customers of one.
  [[nodiscard]] std::int64_t customers_max(OriginKind kind, TimePoint now) const;
  /// How many had to go for lack of room.
  [[nodiscard]] std::int64_t forgotten() const { return forgotten_; }

  /// All of them, so that whoever restores them in this order forgets in the same one.
  [[nodiscard]] std::vector<Kept> list() const;
  void restore(const Kept& kept);
  void restore_forgotten(std::int64_t forgotten) { forgotten_ = forgotten; }

 private:
  using Hash = std::array<std::uint64_t, 2>;
  using Rank = std::pair<std::size_t, std::int64_t>;  ///< customers, and when it was heard of
  struct Entry {
    std::int64_t orders = 0;
    std::int64_t heard_no = 0;             ///< higher: later
    std::vector<std::uint64_t> customers;  ///< sorted
  };
  struct Window {
    std::map<Hash, Entry> entries;
    std::map<Rank, Hash> by_rank;
    std::size_t pairs = 0;
  };
  using Ring = std::map<std::int64_t, Window>;

  [[nodiscard]] static std::optional<Hash> parse(std::string_view hash);
  [[nodiscard]] static std::string format(const Hash& hash);
  /// Null: it is not kept any more.
  [[nodiscard]] Window* window_at(OriginKind kind, std::int64_t begins_at_s);
  void count(Window& window, const Hash& hash, std::int64_t orders, const std::vector<std::uint64_t>& customers);
  void make_room(Window& window);

  std::size_t pairs_max_;
  std::array<Ring, kOriginKinds.size()> rings_;
  std::int64_t newest_s_ = 0;  ///< where the newest window begins
  std::int64_t last_heard_no_ = 0;
  std::int64_t forgotten_ = 0;
};

}  // namespace flashsale::insight
