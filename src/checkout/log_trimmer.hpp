#pragma once
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flashsale/redis/connection.hpp"
#include "log_entry.hpp"

namespace flashsale::checkout {

/// Deletes settled entries, those of one turn of the loop in one command. What is lost with a connection is left to
/// the sweeper.
class LogTrimmer : public std::enable_shared_from_this<LogTrimmer> {
 public:
  LogTrimmer(boost::asio::io_context& context, redis::Connection& redis) : context_(context), redis_(redis) {}
  void order_settled(LogEntry& entry);

 private:
  void flush();

  boost::asio::io_context& context_;
  redis::Connection& redis_;
  std::map<std::pair<std::string, std::int64_t>, std::vector<std::string>> settled_;  ///< (sale, epoch) → entry ids
  bool flush_posted_ = false;
};

}  // namespace flashsale::checkout
