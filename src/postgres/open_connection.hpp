#pragma once
#include <memory>
#include <string>

#include "flashsale/postgres/pqxx.hpp"

namespace flashsale::postgres {

/// As the constructor of pqxx::connection, until give_up_connecting_at(). libpq cannot be interrupted: it waits for
/// `connect_timeout` at each address, and for a name that nobody resolves as long as the resolver likes. So it does
/// that in a thread of its own, which is left behind when the process ends.
[[nodiscard]] std::unique_ptr<pqxx::connection> open_connection(const std::string& parameters);

}  // namespace flashsale::postgres
