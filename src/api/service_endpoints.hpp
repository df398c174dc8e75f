#pragma once
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"

namespace flashsale::api {

/// /livez, /readyz, /openapi.yaml, /problems/{name}: both listeners have them.
void add_service_routes(Routes& routes, ProcessParts& process);

}  // namespace flashsale::api
