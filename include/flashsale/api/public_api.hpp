#pragma once
#include <memory>

#include "flashsale/api/parts.hpp"
#include "flashsale/api/route.hpp"

namespace flashsale::api {

/// The endpoints of the public listener for one I/O thread.
class PublicApi {
 public:
  PublicApi(ProcessParts& process, ThreadParts thread);
  ~PublicApi();
  /// Valid as long as this object.
  [[nodiscard]] const Routes& routes() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flashsale::api
