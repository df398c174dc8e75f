#pragma once
#include <functional>
#include <utility>
#include <vector>

namespace flashsale::app {

/// What runs beside the requests, in the order in which it is started; stopped from the back. So whoever uses another
/// stands behind it. One thread.
class ServiceList {
 public:
  using Act = std::function<void()>;

  void add(Act start, Act stop) { services_.push_back({std::move(start), std::move(stop)}); }
  template <class Service>
  void add(Service& service) {
    add([&service] { service.start(); }, [&service] { service.stop(); });
  }

  void start() {
    for (const auto& service : services_) service.start();
  }
  void stop() {
    for (auto service = services_.rbegin(); service != services_.rend(); ++service) service->stop();
  }

 private:
  struct Entry {
    Act start;
    Act stop;
  };
  std::vector<Entry> services_;
};

}  // namespace flashsale::app
