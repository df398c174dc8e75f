#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <string>
#include <utility>

#include "flashsale/api/exchange.hpp"

namespace flashsale::api {

/// The client of one answer in pieces, which takes them at once or when it is told to.
class StreamedExchange : public Exchange {
 public:
  explicit StreamedExchange(boost::asio::io_context& context) : context_(context) {}

  [[nodiscard]] const Request& request() const override { return request_; }
  [[nodiscard]] boost::asio::any_io_executor executor() override { return context_.get_executor(); }
  void reply(const Reply& reply) override { status = reply.status; }
  bool begin_stream(const Reply& head) override {
    status = head.status;
    content_type = head.content_type;
    return status == 200;
  }
  void stream(std::string_view piece, PieceTaken then) override {
    received += piece;
    ++pieces;
    taken_ = std::move(then);
    if (takes_at_once) take();
  }
  void end_stream() override { has_ended = true; }
  void cut_stream() override { is_cut = true; }
  void watch_client(std::function<void()> gone) override { gone_ = std::move(gone); }

  /// The piece that is on its way arrives.
  void take() {
    if (taken_) boost::asio::post(context_, [then = std::exchange(taken_, nullptr)] { then(true); });
  }
  void leave() {
    if (gone_) boost::asio::post(context_, std::exchange(gone_, nullptr));
  }

  bool takes_at_once = true;
  unsigned status = 0;
  std::string content_type;
  std::string received;
  int pieces = 0;
  bool has_ended = false;
  bool is_cut = false;

 private:
  boost::asio::io_context& context_;
  Request request_;
  PieceTaken taken_;
  std::function<void()> gone_;
};

}  // namespace flashsale::api
