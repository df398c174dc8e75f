#pragma once
#include <string>
#include <vector>

#include "flashsale/postgres/event_repository.hpp"
#include "flashsale/postgres/event_sinks.hpp"

namespace flashsale::api {

/// Where the line of events ends, and how far each sink has been told. `lags` has the active ones.
[[nodiscard]] std::string event_sinks_document(const postgres::EventLine& line,
                                               const std::vector<postgres::EventSink>& sinks,
                                               const std::vector<postgres::SinkLag>& lags);

}  // namespace flashsale::api
