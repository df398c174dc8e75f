#pragma once

/// A moment between two steps of the protocol at which a test breaks the process. Only the tests' own executable
/// (flashsaled-with-fault-points, tests/CMakeLists.txt) has them: in flashsaled the macro leaves no code and no name.
///
/// The file that the environment variable FAULT_POINT_FILE names arms one point, at the start or at any time later:
/// "<point> kill|stop|sleep:<ms> <n>" acts at the n-th pass from then on, once, and deletes the file just before.
#ifdef FLASHSALE_FAULT_POINTS
namespace flashsale::telemetry {
void pass_fault_point(const char* name);
}  // namespace flashsale::telemetry
#define FLASHSALE_FAULT_POINT(name) ::flashsale::telemetry::pass_fault_point(name)
#else
#define FLASHSALE_FAULT_POINT(name) static_cast<void>(0)
#endif
