#include "flashsale/telemetry/random_word.hpp"

#include <array>
#include <bit>
#include <random>

namespace flashsale::telemetry {
namespace {

/// xoshiro256++ of Blackman and Vigna: a period that no process lives to see.
class Sequence {
 public:
  Sequence() {
    std::random_device system;
    for (std::uint64_t& word : state_) word = (std::uint64_t{system()} << 32) | system();
    state_[0] |= 1;  // it stands still on all zeros
  }

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace

std::uint64_t random_word() {
  thread_local Sequence sequence;
  return sequence.next();
}

}  // namespace flashsale::telemetry
