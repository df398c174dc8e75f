#pragma once
#include <boost/asio/system_executor.hpp>
#include <string>

#include "flashsale/api/exchange.hpp"

namespace flashsale::api {

/// A request that a test writes, and the whole answer to it.
class RepliedExchange : public Exchange {
 public:
  [[nodiscard]] const Request& request() const override { return asked; }
  [[nodiscard]] boost::asio::any_io_executor executor() override { return boost::asio::system_executor(); }
  void reply(const Reply& reply) override {
    ++replies;
    status = reply.status;
    content_type = reply.content_type;
    body = reply.body;
    headers = reply.headers;
  }
  bool begin_stream(const Reply&) override { return false; }
  void stream(std::string_view, PieceTaken) override {}
  void end_stream() override {}
  void cut_stream() override {}
  void watch_client(std::function<void()>) override {}

  Request asked;
  int replies = 0;
  unsigned status = 0;
  std::string content_type;
  std::string body;
  std::string headers;
};

}  // namespace flashsale::api
