#include "flashsale/telemetry/trace_scope.hpp"

namespace flashsale::telemetry {
namespace {

thread_local TraceContext current_context;

}  // namespace

TraceScope::TraceScope(const TraceContext& context) { current_context = context; }
TraceScope::~TraceScope() { current_context = {}; }
const TraceContext& TraceScope::current() { return current_context; }

}  // namespace flashsale::telemetry
