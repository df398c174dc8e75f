#pragma once
#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"

namespace flashsale::api {

/// Who a listener is for.
enum class Audience { everybody, admins };

/// /livez, /readyz, /openapi.yaml, /problems/{name}: both listeners have them. What the admin listener serves is
/// described there alone.
void add_service_routes(Routes& routes, ProcessParts& process, Audience audience);

}  // namespace flashsale::api
