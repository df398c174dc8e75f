#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "flashsale/postgres/report_repository.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/workers/periodic_thread.hpp"

namespace flashsale::checkout {

/// Adds up the refusals of all I/O threads and writes what is new to PostgreSQL, at most once a second. They are
/// numbers for a report: a crash loses those of the last second, and a COMMIT whose outcome is unknown is not repeated.
/// While PostgreSQL is away they wait, a number for each sale and reason. One thread.
class RefusalRecorder {
 public:
  explicit RefusalRecorder(postgres::Options options);
  ~RefusalRecorder();
  void start() { thread_.start(); }
  void stop();  ///< writes what there is

  /// Any thread.
  void add(const std::vector<postgres::RefusalCount>& counts);

 private:
  void write();

  postgres::Session session_;  ///< the recorder's thread only, and stop() after it
  std::mutex mutex_;
  std::map<std::pair<std::int32_t, std::string>, std::int64_t> unwritten_;  ///< by sale and reason
  workers::PeriodicThread thread_;                                          ///< the last: it ends before what it uses
};

}  // namespace flashsale::checkout
