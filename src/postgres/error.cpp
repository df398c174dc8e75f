#include "flashsale/postgres/error.hpp"

#include <string>

namespace flashsale::postgres {
namespace {

class FailureCategory final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "postgres"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<Failure>(value)) {
      case Failure::unavailable: return "postgres is unavailable";
      case Failure::outcome_unknown: return "postgres left it open whether a commit stands";
      case Failure::busy: return "postgres did not get to it, since somebody holds a row";
      case Failure::timed_out: return "postgres did not get to the end of it in time";
      case Failure::data_refused: return "postgres cannot store this";
      case Failure::internal: return "postgres answered in an unexpected way";
    }
    return "unknown failure of postgres";
  }
};

}  // namespace

const boost::system::error_category& failure_category() {
  static const FailureCategory category;
  return category;
}

boost::system::error_code make_error_code(Failure failure) { return {static_cast<int>(failure), failure_category()}; }

}  // namespace flashsale::postgres
