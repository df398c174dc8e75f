#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "flashsale/events/event.hpp"
#include "flashsale/events/leadership.hpp"
#include "flashsale/postgres/session.hpp"

namespace flashsale::events {

/// What has become of a batch.
struct Delivered {
  std::size_t events = 0;    ///< of the first ones: the receiver has taken them for good
  std::string error;         ///< empty: all of them, or as many as go at once. No secret is in it.
  std::size_t not_sent = 0;  ///< of those taken: the sink has put them aside for later, or they are none of its
};

/// One receiver of events. All calls from one thread, which is its own, so that it may block; but interrupt() from any.
/// None throws.
class Sink {
 public:
  virtual ~Sink() = default;
  /// `rabbitmq`, `kafka`, or `webhook:ID`: the key of its row in event_sinks.
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// `rabbitmq`, `kafka` or `webhook`.
  [[nodiscard]] virtual const std::string& kind() const = 0;
  /// Of whoever relays to it: a session, on the same thread, for what it keeps in PostgreSQL, and whether this process
  /// delivers. Once, before all else.
  virtual void use(postgres::Session& session, const Leadership& leadership) = 0;
  /// How many deliver() is given at once, where so many wait. All of them come again if a process dies that has not
  /// written down that they were taken, unless the receiver keeps its position itself.
  [[nodiscard]] virtual std::size_t batch_max() const { return 1000; }
  /// Whether the next batch is worth to be read while deliver() waits: it takes so long, and so many are waiting.
  [[nodiscard]] virtual bool reads_ahead() const { return false; }
  /// In order, until all are taken for good, one has failed, the deadline is over, or this process does not lead any
  /// more: somebody else goes on then, so it is looked at all along. Connects when it is not connected. What was sent
  /// and not confirmed is sent again with the next call, or waited for.
  [[nodiscard]] virtual Delivered deliver(std::span<const EventPtr> events,
                                          std::chrono::steady_clock::time_point deadline) = 0;
  /// Whether it can be reached and lets this process in, for whoever looks; nobody is told of anything. Empty: yes.
  [[nodiscard]] virtual std::string probe(std::chrono::steady_clock::time_point deadline) = 0;
  /// The last position that the receiver itself keeps, in one transaction with what it was told; empty: it keeps none,
  /// and PostgreSQL's counts. Asked when the sink begins to deliver. `error`: it could not be asked.
  struct OwnPosition {
    std::optional<std::int64_t> position;
    std::string error;
    /// Identifier and time of the event that stood there, empty if that is not known: whether it stands there still.
    std::string event_id{};
    std::string event_time{};
  };
  [[nodiscard]] virtual OwnPosition own_position(std::chrono::steady_clock::time_point deadline) = 0;
  /// Several times a second, whether there is something to deliver or not: a connection is kept alive, work of its own
  /// that is due gets done. True: a deliver() that failed is worth to be tried again at once.
  virtual bool tend() = 0;
  /// Somebody else delivers now, or the process ends: the connection is closed, nothing is kept.
  virtual void release() = 0;
  /// Ends a deliver() that waits, soon.
  virtual void interrupt() = 0;
};

}  // namespace flashsale::events
