#pragma once
#include <boost/system/error_code.hpp>

namespace flashsale::postgres {

enum class Failure {
  unavailable = 1,  ///< no connection, or it broke before COMMIT was sent: nothing was changed
  outcome_unknown,  ///< the connection broke while COMMIT was under way: it may or may not stand (PROTOCOL R5)
  busy,             ///< somebody holds a row: lock timeout, or 40001/40P01 after all retries. Nothing was changed
  timed_out,        ///< a statement did not get to its end in its time: nothing was changed
  data_refused,     ///< SQLSTATE class 22 or 23: the server cannot take this row
  internal,         ///< anything else: a defect, logged with its SQLSTATE
};

[[nodiscard]] const boost::system::error_category& failure_category();
[[nodiscard]] boost::system::error_code make_error_code(Failure failure);

}  // namespace flashsale::postgres

template <>
struct boost::system::is_error_code_enum<flashsale::postgres::Failure> : std::true_type {};
