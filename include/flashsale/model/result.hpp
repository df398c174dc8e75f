#pragma once
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace flashsale {

/// A value or the infrastructure failure that kept it away. Refused sales are values, not errors.
template <class T>
using Result = boost::system::result<T>;

using Error = boost::system::error_code;

}  // namespace flashsale
