#pragma once

/// Assertion that stays on in release builds: prints the expression and its place and aborts. For broken
/// invariants of the program itself, never for input.
#define FLASHSALE_CHECK(expression) \
  (static_cast<bool>(expression) ? void(0) : ::flashsale::check_failed(#expression, __FILE__, __LINE__))

namespace flashsale {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}
