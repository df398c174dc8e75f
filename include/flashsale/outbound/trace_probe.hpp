#pragma once
#include <string>

#include "flashsale/outbound/trace_exporter.hpp"

namespace flashsale::outbound {

/// Sends a collector an empty request, as OTLP allows, for some seconds at most. Empty: it takes traces; otherwise why
/// it does not, without any secret. Blocking.
[[nodiscard]] std::string try_trace_collector(const TraceExporter::Options& options);

}  // namespace flashsale::outbound
