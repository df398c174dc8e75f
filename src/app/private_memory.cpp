#include "private_memory.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "flashsale/telemetry/log.hpp"

namespace flashsale::app {

void keep_memory_private() {
  // The limit alone does not hold where the kernel hands cores to a program.
  const rlimit none{0, 0};
  const bool is_private = prctl(PR_SET_DUMPABLE, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0;
  if (!is_private) telemetry::log_error("a crash may leave the memory of this process in a core file");
}

}  // namespace flashsale::app
