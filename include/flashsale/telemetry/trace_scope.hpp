#pragma once
#include "flashsale/telemetry/trace_context.hpp"

namespace flashsale::telemetry {

/// On whose behalf a thread works that does one thing after the other: the span of the request, as long as the scope
/// lives. What it writes down names that as its cause. Scopes do not nest.
class TraceScope {
 public:
  explicit TraceScope(const TraceContext& context);
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

  /// None outside of any scope.
  [[nodiscard]] static const TraceContext& current();
};

}  // namespace flashsale::telemetry
