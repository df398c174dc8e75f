#include "request_id.hpp"

#include <algorithm>
#include <bit>
#include <random>

#include "flashsale/model/request_id.hpp"

namespace flashsale::http {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

void write_hex(std::uint64_t number, char* out) {
  for (int i = 15; i >= 0; --i, number >>= 4) out[i] = kHexDigits[number & 0xf];
}

}  // namespace

RequestIdMaker::RequestIdMaker() {
  std::random_device system;
  for (std::uint64_t& word : state_) word = (std::uint64_t{system()} << 32) | system();
  state_[0] |= 1;  // the generator stands still on all zeros
}

// xoshiro256++ of Blackman and Vigna: a few instructions, and a period that no process lives to see.
std::uint64_t RequestIdMaker::next() {
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

void RequestIdMaker::make(MadeRequestId& id) {
  write_hex(next(), id.data());
  write_hex(next(), id.data() + 16);
}

bool is_usable_request_id(std::string_view id) {
  return !id.empty() && id.size() <= RequestId::kBytesMax &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace flashsale::http
