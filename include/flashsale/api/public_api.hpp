#pragma once
#include <memory>

#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"
#include "flashsale/api/shop_options.hpp"
#include "flashsale/api/stream_places.hpp"

namespace flashsale::api {

/// What these endpoints alone need.
struct PublicParts {
  StreamPlaces& stream_places;
  const ShopOptions& shop;
};

/// The endpoints of the public listener for one I/O thread.
class PublicApi {
 public:
  PublicApi(ProcessParts& process, ThreadParts thread, const PublicParts& more);
  ~PublicApi();
  /// Valid as long as this object.
  [[nodiscard]] const Routes& routes() const;
  /// Between two calls of this thread: the keys that a demo of the shop signs by have changed.
  void replace_shop_options(const ShopOptions& options);
  /// Ends streams, whose clients would never go by themselves.
  void start_draining();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flashsale::api
