#pragma once

namespace flashsale::postgres {

/// Whether changes leave events in the outbox, in this process (setting events.enabled). Set once, before the first
/// session is opened; read by any thread. At first they do not.
void leave_events(bool yes);
[[nodiscard]] bool leaves_events();

}  // namespace flashsale::postgres
