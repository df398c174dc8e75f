#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace flashsale::checkout {

/// One entry of a pending log: it may go when every order in it has a final row (PROTOCOL R13).
struct LogEntry {
  std::string sale_id;
  std::int64_t epoch = 0;
  std::string entry_id;
  std::size_t unsettled = 0;
};

}  // namespace flashsale::checkout
