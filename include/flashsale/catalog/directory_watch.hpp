#pragma once
#include <memory>

#include "flashsale/catalog/pulse_mailbox.hpp"
#include "flashsale/postgres/session.hpp"
#include "flashsale/redis/options.hpp"

namespace flashsale::catalog {

class UnpaidItems;

/// One thread that keeps the directory (definitions of all sales, feature flags) equal to PostgreSQL's: it looks a few
/// times a second, and at once when it is told to. It notices when PostgreSQL has gone back in time, and answers which
/// sold-out items are not paid for yet. What has moved goes to the pulse.
class DirectoryWatch {
 public:
  struct Options {
    postgres::Options postgres;
    redis::Options redis;
  };

  /// `mail` has to live as long.
  DirectoryWatch(Options options, PulseMailbox& mail);
  ~DirectoryWatch();
  void start();
  void stop();  ///< after a last look, which covers the orders of this process by a mark

  /// The directory may have moved: load it now. Any thread, as all that follow.
  void reload();
  /// Asked by the pulse, answered here.
  [[nodiscard]] UnpaidItems& unpaid_items();
  /// Whether it was loaded since the start.
  [[nodiscard]] bool is_loaded() const;
  [[nodiscard]] bool postgres_reached() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flashsale::catalog
