#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace flashsale {

/// SipHash-2-4 (Aumasson and Bernstein, 2012): without the key nobody can choose texts that fall together, nor tell a
/// text from its hash.
[[nodiscard]] std::uint64_t keyed_hash(const std::array<std::uint64_t, 2>& key, std::string_view text);

}  // namespace flashsale
