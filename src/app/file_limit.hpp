#pragma once
#include <cstdint>

namespace flashsale::app {

/// Raises the limit of open files to the most that this process may have, and returns it.
[[nodiscard]] std::uint64_t raise_file_limit();

/// Of `wanted` connections of buyers, those that there are files for when what the rest needs is kept back: the admin
/// listener, both stores, logs, and on each I/O thread the connections that are only told that there is no room.
[[nodiscard]] std::uint32_t connections_within(std::uint64_t file_limit, std::uint32_t wanted, unsigned io_threads);

}  // namespace flashsale::app
