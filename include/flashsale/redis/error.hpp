#pragma once
#include <boost/system/error_code.hpp>

namespace flashsale::redis {

enum class Failure {
  unavailable = 1,  ///< not connected, or the server refused the command before it ran: nothing was changed
  outcome_unknown,  ///< sent, but no answer in time or the connection broke: it may or may not have run (R10)
  script_missing,   ///< NOSCRIPT: nothing was changed; scripts are being loaded again
  protocol,         ///< an answer of an unexpected form: a defect, logged
};

[[nodiscard]] const boost::system::error_category& failure_category();
[[nodiscard]] boost::system::error_code make_error_code(Failure failure);

}  // namespace flashsale::redis

template <>
struct boost::system::is_error_code_enum<flashsale::redis::Failure> : std::true_type {};
