#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace flashsale::api {

/// How many streams strangers may hold open, in all and from one address: a stream costs a connection for as long as
/// its client likes. Shared by all threads.
class StreamPlaces {
 public:
  struct Options {
    std::uint32_t streams_max = 10'000;
    std::uint32_t streams_of_address_max = 100;
  };
  enum class Refusal : std::uint8_t { none, all_taken, address_has_enough };
  /// Kept as long as the stream is open.
  using Place = std::shared_ptr<void>;
  struct Taken {
    Place place;  ///< null: refused
    Refusal refusal = Refusal::none;
  };

  explicit StreamPlaces(Options options) : options_(options) {}
  StreamPlaces(const StreamPlaces&) = delete;
  StreamPlaces& operator=(const StreamPlaces&) = delete;

  /// `address` in numbers; of an IPv6 address the network counts.
  [[nodiscard]] Taken take(std::string_view address);
  [[nodiscard]] std::size_t taken() const;
  /// Never more than that in all, whatever the options say. Before the first is taken.
  void bound(std::uint32_t streams_max);

 private:
  void give_back(const std::string& network);

  Options options_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::uint32_t> by_network_;  ///< those with streams alone
  std::uint32_t taken_ = 0;
};

}  // namespace flashsale::api
