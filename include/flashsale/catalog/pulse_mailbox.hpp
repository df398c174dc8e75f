#pragma once
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/catalog/sold_out_marks.hpp"
#include "flashsale/postgres/sale_repository.hpp"

namespace flashsale::catalog {

/// What has moved in the directory, and the identity of the PostgreSQL that said so.
struct DirectoryNews {
  postgres::DirectoryChanges changes;
  std::string postgres_identity;
};

/// What other threads have for the pulse. They put it in, the pulse takes all of it before each beat. Any thread.
class PulseMailbox {
 public:
  struct Mail {
    std::vector<DirectoryNews> directory;  ///< in the order in which it came, as the marks
    std::vector<SoldOutMarks> marks;
  };

  /// Wakes the pulse: whoever created a sale waits for it to be served.
  void put(DirectoryNews news);
  /// Is taken with the next beat.
  void put(SoldOutMarks marks);

  [[nodiscard]] Mail take();
  /// Waits until then, or until the directory has news. False: closed, there is no next beat.
  [[nodiscard]] bool wait_until(SteadyTime until);
  void close();

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  Mail mail_;
  bool is_closed_ = false;
};

}  // namespace flashsale::catalog
