#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "answer.hpp"

namespace flashsale::load {

/// What a buyer has seen about one key, as bits of KeyRecord::seen.
enum Seen : std::uint32_t {
  kSeenCreated = 1U << 0,   ///< 201
  kSeenReplayed = 1U << 1,  ///< 200, or a poll's
  kSeenAccepted = 1U << 2,  ///< 202
  kSeenRefused = 1U << 3,   ///< 4xx
  kSeenShed = 1U << 4,      ///< 503 that says nothing was changed
  kSeenUnknown = 1U << 5,   ///< no answer, or one that leaves the outcome open
  kSeenRejected = 1U << 6,  ///< the order's status was `rejected`

  // What no answer may be, whatever the stores hold.
  kSeenOtherId = 1U << 8,             ///< an order with another id than this key's
  kSeenNoId = 1U << 9,                ///< a success without a readable order
  kSeenCreatedAgain = 1U << 10,       ///< 201 to a request that was sent after the order was known to be committed
  kSeenRefusedAfterOrder = 1U << 11,  ///< 409 and its like to a request that was sent after the order was known
  kSeenGone = 1U << 12,               ///< 404 to the buyer who asked for the order

  kSeenCancelSent = 1U << 16,
  kSeenCancelled = 1U << 17,        ///< 200 to it
  kSeenRefusedAtTheEnd = 1U << 18,  ///< refused when sent again, long after its unknown outcome
  kSeenFailSent = 1U << 19,         ///< the provider was told to say that the payment failed
};
inline constexpr std::uint32_t kSeenCommitted = kSeenCreated | kSeenReplayed;
inline constexpr std::uint32_t kSeenOrder = kSeenCommitted | kSeenAccepted;

/// One key of one buyer. There may be tens of millions of them.
struct KeyRecord {
  std::uint32_t buyer = 0;
  std::uint32_t seen = 0;
  std::uint32_t purchase = 0;  ///< counted for each buyer
  std::uint16_t item = 0;      ///< of the first line
  std::uint8_t lines = 1;      ///< a unit of each of so many items
  std::uint8_t in_flight = 0;
  std::uint8_t resolve_attempts = 0;

  /// The items of a cart follow each other, and the first of a sale follows the last.
  [[nodiscard]] std::uint16_t item_of(unsigned line, std::size_t items_of_sale) const {
    return static_cast<std::uint16_t>((item + line) % items_of_sale);
  }
};
static_assert(sizeof(KeyRecord) <= 20);

/// What was known about a key when a request with it was sent: only what a buyer could know binds the answer.
struct KnownAtSending {
  bool has_order = false;
  bool is_committed = false;
};
[[nodiscard]] inline KnownAtSending known_about(const KeyRecord& record) {
  return {(record.seen & kSeenOrder) != 0, (record.seen & kSeenCommitted) != 0};
}

/// Notes an answer in its key's record. `expected` is the id that this key's order must have.
void observe(KeyRecord& record, Kind kind, const Answer& answer, KnownAtSending known, const OrderId& expected);

/// The records of one worker, numbered in the order in which the keys were first used. Grows by blocks, since a
/// vector that moves would hold up the load.
class KeyLog {
 public:
  using Index = std::uint32_t;
  static constexpr Index kRecordsMax = 400'000'000;

  Index add(const KeyRecord& record);
  [[nodiscard]] KeyRecord& operator[](Index index) { return (*blocks_[index >> kBlockBits])[index & kBlockMask]; }
  [[nodiscard]] Index size() const { return size_; }
  /// Moves all records to the end of `out` and frees what they took.
  void move_to(std::vector<KeyRecord>& out);

 private:
  static constexpr unsigned kBlockBits = 16;
  static constexpr Index kBlockMask = (Index{1} << kBlockBits) - 1;
  using Block = std::array<KeyRecord, std::size_t{1} << kBlockBits>;

  std::vector<std::unique_ptr<Block>> blocks_;
  Index size_ = 0;
};

}  // namespace flashsale::load
