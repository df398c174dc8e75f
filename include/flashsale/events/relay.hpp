#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "flashsale/events/event_log.hpp"
#include "flashsale/events/leadership.hpp"
#include "flashsale/events/sink.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::events {

class ReadAhead;

/// Tells one sink of events, from where it stands in PostgreSQL, while this process leads. A thread and a session of
/// its own (two where it reads ahead), at a low priority: no sink delays a buyer or another sink. At least once: after
/// a crash events of the last moment come again.
class Relay {
 public:
  Relay(std::unique_ptr<Sink> sink, const postgres::Options& postgres, EventLog& log, Leadership& leadership,
        telemetry::Metrics& metrics);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  void start();
  void stop();
  [[nodiscard]] const std::string& name() const { return sink_->name(); }

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void step();
  [[nodiscard]] bool begin();
  [[nodiscard]] Result<bool> stands_in_line(const Sink::OwnPosition& own);
  [[nodiscard]] bool has_line_gone_back();
  void note_gone_back(std::int64_t position);
  [[nodiscard]] bool was_moved();
  void tell();
  [[nodiscard]] Result<std::vector<EventPtr>> next_events();
  void took(const Delivered& delivered, std::int64_t position, Clock::duration time);
  [[nodiscard]] bool save();
  void release();
  void end_delivery();
  [[nodiscard]] bool is_to_wait();
  void fail(const std::string& error);
  void pause(std::chrono::milliseconds time);

  std::unique_ptr<Sink> sink_;
  postgres::Session session_;
  std::unique_ptr<ReadAhead> read_ahead_;  ///< null: the sink has no use for it
  bool takes_all_ = true;                  ///< of a batch, the last time
  EventLog& log_;
  Leadership& leadership_;
  telemetry::Metrics& metrics_;

  bool is_delivering_ = false;
  std::int64_t falls_ = 0;           ///< of the line, when that began
  std::int64_t position_ = 0;        ///< the sink has been told up to here
  std::int64_t saved_position_ = 0;  ///< as PostgreSQL knows it
  Clock::time_point save_at_{};
  Clock::time_point look_at_{};
  std::chrono::milliseconds back_off_{0};
  Clock::time_point try_at_{};  ///< not before, since the last time has failed
  std::string last_error_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace flashsale::events
