#pragma once
#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::postgres {

/// Ends writers, of any instance, whose client has fallen silent in the middle of a COPY (PROTOCOL R7) or is gone while
/// they wait for a synchronous standby: a host that was lost, a cut network. Each is reported in the log. Those of a
/// living client are never among them, since its `statement_timeout` cuts its own calls before that. Blocking.
[[nodiscard]] Error end_stalled_writers(Session& session);

}  // namespace flashsale::postgres
