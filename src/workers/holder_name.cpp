#include "flashsale/workers/holder_name.hpp"

#include <random>

namespace flashsale::workers {

std::string unique_holder(const std::string& name) {
  std::random_device random;
  return name + '-' + std::to_string(random()) + std::to_string(random());
}

}  // namespace flashsale::workers
