#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flashsale::identity {

/// Checkouts of some moments as they came in, not yet looked at. Fixed numbers of notes and bytes.
class BehaviourNotes {
 public:
  struct Note {
    std::int32_t sale_no = 0;
    std::chrono::steady_clock::time_point received_at;
    std::string_view customer_id;
    std::string_view peer_address;
    std::string_view forwarded_for;  ///< as client_address() takes it; of a long one the end
  };

  /// Copies what the views show: some tens of nanoseconds, and memory only until it has grown once.
  void add(const Note& note);
  void clear();
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  /// In the order of their coming. The views live until the next add() or clear().
  [[nodiscard]] Note at(std::size_t index) const;
  /// Since clear(), for which there was no room.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

 private:
  struct Entry {
    std::chrono::steady_clock::time_point received_at;
    std::int32_t sale_no = 0;
    std::uint32_t text_at = 0;
    std::uint16_t customer_bytes = 0;
    std::uint16_t peer_bytes = 0;
    std::uint16_t forwarded_bytes = 0;
  };

  std::vector<Entry> entries_;
  std::string texts_;
  std::uint64_t left_out_ = 0;
};

}  // namespace flashsale::identity
