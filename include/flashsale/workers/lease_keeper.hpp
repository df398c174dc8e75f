#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "flashsale/redis/sync_client.hpp"

namespace flashsale::workers {

/// Keeps a lease while its holder waits for a store: for as long as this lives, and the process with it.
class LeaseKeeper {
 public:
  LeaseKeeper(redis::Options redis, std::string sale_id, std::string kind, std::string holder,
              std::chrono::milliseconds duration);
  ~LeaseKeeper();
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;

 private:
  void run();

  redis::SyncClient redis_;
  std::string sale_id_;
  std::string kind_;
  std::string holder_;
  std::chrono::milliseconds duration_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace flashsale::workers
