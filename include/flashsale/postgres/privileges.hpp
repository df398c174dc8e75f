#pragma once
#include <string>
#include <vector>

#include "flashsale/model/result.hpp"
#include "flashsale/postgres/session.hpp"

/// What the role of `flashsaled serve` may do: read and write rows of every table, and to the log of changes only add.
namespace flashsale::postgres {

/// Gives `role` what it lacks of that, and takes what it has beyond it from the log of changes and the record of
/// migrations. The session's role owns the tables. Repeatable; does nothing where nothing is to be done.
[[nodiscard]] Error grant_serving(Session& session, const std::string& role);

/// What the session's own role may do beyond that, each in words for people; empty when nothing.
[[nodiscard]] Result<std::vector<std::string>> privileges_beyond_serving(Session& session);

}  // namespace flashsale::postgres
