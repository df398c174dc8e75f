#include "flashsale/model/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace flashsale {

void check_failed(const char* expression, const char* file, int line) {
  // Straight to stderr: the logger may be what is broken.
  std::fprintf(stderr, "check failed: %s at %s:%d\n", expression, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace flashsale
