#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace flashsale::checkout {

/// Which sales the journal's workers are at, and which of those could not be written lately. A sale whose batch has
/// failed is put off by itself, longer each time, and tried by one worker at a time. Of those whose tries take long one
/// is tried at a time, so that they never hold more than one worker between them, however many they are; and where one
/// worker is all there is, others have it for as long as the try took. When no sale can be written, PostgreSQL is away:
/// then there is a pause between the tries of any. Not thread-safe.
class SaleTroubles {
 public:
  using Clock = std::chrono::steady_clock;
  struct Failed {
    std::size_t orders = 0;  ///< in the batch; none: it was only asked
    Clock::duration took{};
    bool is_away = false;       ///< PostgreSQL did not answer for this sale: the batch has nothing to do with it
    bool took_long = false;     ///< another try of the same batch would, too
    bool was_too_much = false;  ///< a smaller one might do better
  };
  enum class Next : std::uint8_t { again, alone };  ///< `alone`: it is this one order that fails

  /// `batch_max`: of a sale that is well.
  explicit SaleTroubles(std::size_t batch_max) : batch_max_(batch_max) {}

  /// A worker is at a sale, with so many of its orders in hand.
  void begin(std::int32_t sale_no, std::size_t orders);
  void end(std::int32_t sale_no);

  enum class Others : std::uint8_t { first, have_nothing };
  /// Whether a worker may begin with this sale. `first`: others have something to do.
  [[nodiscard]] bool may_begin(std::int32_t sale_no, Clock::time_point now, Others others = Others::first) const;
  /// The next moment at which may_begin() may say something else by itself. None: not before something is reported.
  [[nodiscard]] std::optional<Clock::time_point> next_change(Clock::time_point now) const;
  /// How many orders a batch may have.
  [[nodiscard]] std::size_t batch_max(std::int32_t sale_no) const;

  Next failed(std::int32_t sale_no, Clock::time_point now, const Failed& how);
  void written(std::int32_t sale_no, Clock::time_point now, std::size_t orders);
  /// It was asked, and nothing was written: it is well if no batch of it has failed.
  void answered(std::int32_t sale_no);

  [[nodiscard]] bool none() const { return troubles_.empty(); }
  /// Whether a sale waits while others are written.
  [[nodiscard]] bool waits_alone(std::int32_t sale_no) const;
  /// All such.
  [[nodiscard]] std::vector<std::int32_t> waiting_alone() const;
  [[nodiscard]] std::size_t in_hand(std::int32_t sale_no) const;

 private:
  struct Trouble {
    Clock::time_point since{};
    std::chrono::milliseconds pause{};
    Clock::time_point due{};
    bool is_slow = false;
    bool is_of_batch = false;
    int failures = 0;  ///< of batches of about one size
  };
  struct Size {
    std::size_t most = 0;
    bool was_too_much = false;  ///< or it was to find an order that fails
  };
  struct InHand {
    std::int32_t sale_no = 0;
    std::size_t orders = 0;
  };

  [[nodiscard]] bool is_slow(std::int32_t sale_no) const;
  Next narrow(std::int32_t sale_no, Trouble& trouble, const Failed& how);
  void grow(std::int32_t sale_no, std::size_t written);

  std::size_t batch_max_;
  std::vector<InHand> in_hand_;  ///< one of each worker that is at something
  std::map<std::int32_t, Trouble> troubles_;
  std::map<std::int32_t, Size> sizes_;      ///< of sales of which a batch did not get through; at most one a sale
  Clock::time_point others_first_until_{};  ///< the slow ones wait so long
  std::chrono::milliseconds gap_{};         ///< between tries, since nothing was written
  Clock::time_point next_try_at_{};
  Clock::time_point last_written_at_{};
};

}  // namespace flashsale::checkout
