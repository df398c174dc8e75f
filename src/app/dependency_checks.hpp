#pragma once
#include <string>
#include <vector>

#include "flashsale/app/settings.hpp"

namespace flashsale::app {

/// Why this process must not sell on these stores.
struct DependencyReport {
  std::vector<std::string> unreachable;  ///< may come back: worth waiting for
  std::vector<std::string> unsafe;       ///< settings and schema that break a promise: no use waiting
  std::vector<std::string> warnings;     ///< worth mending, and no reason against selling
  std::vector<std::string> notes;        ///< worth knowing
  std::vector<std::string> excessive;    ///< what this process may do in the stores without need; no reason to stop

  [[nodiscard]] bool good() const { return unreachable.empty() && unsafe.empty(); }
};

/// Looks at the schema and at the stores' own settings that the promises rest on: Redis must not evict, must have an
/// AOF and be a master; PostgreSQL must sync; neither may be too old. Settings named for a danger let it pass.
/// Blocking.
[[nodiscard]] DependencyReport check_dependencies(const Settings& settings);

/// Tries the brokers that events go to. Settings that `serve` would not start with are unsafe; a broker that cannot be
/// reached is a note, since it costs no buyer anything. Blocking.
void check_brokers(const Settings& settings, DependencyReport& report);

/// Tries the collector of traces, where there is to be one. One that takes none is a warning: no buyer waits for it.
/// Blocking, for some seconds at most.
void check_trace_collector(const Settings& settings, DependencyReport& report);

}  // namespace flashsale::app
