#pragma once
#include <chrono>
#include <functional>
#include <memory>

#include "flashsale/catalog/directory_watch.hpp"
#include "flashsale/catalog/pulse_mailbox.hpp"
#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/catalog/upkeep.hpp"
#include "flashsale/redis/options.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::catalog {

/// The process's pulse: one thread that asks Redis about every sale each `interval` and hands out a new snapshot of
/// all. What it finds out of step goes to Upkeep, a directory that has moved to the DirectoryWatch.
class Pulse {
 public:
  struct Options {
    redis::Options redis;
    std::chrono::milliseconds interval{100};
  };
  using Publish = std::function<void(std::shared_ptr<const Snapshot>)>;  ///< called on the pulse's thread

  /// The other parts have to live as long. `mail` is closed by stop().
  Pulse(Options options, PulseMailbox& mail, DirectoryWatch& directory, Upkeep& upkeep, telemetry::Metrics& metrics);
  ~Pulse();
  void start(Publish publish);
  void stop();

  /// Since the last beat that Redis answered. Any thread.
  [[nodiscard]] std::chrono::milliseconds age() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flashsale::catalog
