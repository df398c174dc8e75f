#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace flashsale::identity {

/// SipHash-2-4: without the key nobody can choose texts that fall together.
[[nodiscard]] std::uint64_t keyed_hash(const std::array<std::uint64_t, 2>& key, std::string_view text);

}  // namespace flashsale::identity
