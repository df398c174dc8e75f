#include "flashsale/redis/error.hpp"

#include <string>

namespace flashsale::redis {
namespace {

class FailureCategory final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "redis"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<Failure>(value)) {
      case Failure::unavailable: return "redis is unavailable";
      case Failure::outcome_unknown: return "redis did not answer in time";
      case Failure::script_missing: return "redis does not have the script";
      case Failure::protocol: return "redis answered in an unexpected form";
    }
    return "unknown failure of redis";
  }
};

}  // namespace

const boost::system::error_category& failure_category() {
  static const FailureCategory category;
  return category;
}

boost::system::error_code make_error_code(Failure failure) { return {static_cast<int>(failure), failure_category()}; }

}  // namespace flashsale::redis
