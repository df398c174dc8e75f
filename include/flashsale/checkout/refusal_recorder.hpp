#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "flashsale/postgres/report_repository.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/workers/periodic_thread.hpp"

namespace flashsale::checkout {

/// Adds up the refusals of all I/O threads and writes what is new to PostgreSQL, at most once a second. They are
/// numbers for a report: a crash loses those of the last second, and a COMMIT whose outcome is unknown is not repeated.
/// While PostgreSQL is away they wait, a number for each sale and reason. Each sale's are written by themselves; those
/// of one that cannot be written wait, and come after those of the others. One thread.
class RefusalRecorder {
 public:
  explicit RefusalRecorder(postgres::Options options);
  ~RefusalRecorder();
  void start() { thread_.start(); }
  void stop();  ///< writes what there is

  /// Any thread.
  void add(const std::vector<postgres::RefusalCount>& counts);

 private:
  using Counts = std::map<std::int32_t, std::map<std::string, std::int64_t>>;  // by sale and reason

  void write();
  [[nodiscard]] Counts take();
  void put_back(const Counts& counts);
  [[nodiscard]] std::vector<std::int32_t> in_turn(const Counts& counts) const;

  postgres::Session session_;  ///< the recorder's thread only, and stop() after it
  /// When a sale's counts could not be written; like session_.
  std::map<std::int32_t, std::chrono::steady_clock::time_point> failed_at_;
  std::mutex mutex_;
  Counts unwritten_;
  workers::PeriodicThread thread_;  ///< the last: it ends before what it uses
};

}  // namespace flashsale::checkout
