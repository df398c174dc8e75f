#include "statement_cache.hpp"

namespace flashsale::postgres {
namespace {

/// Far more than there are, unless somebody makes texts as they go.
constexpr std::size_t kStatementsMax = 256;
constexpr std::string_view kNamePrefix = "statement_";

thread_local StatementCache* in_use = nullptr;

}  // namespace

StatementCache::Use::Use(StatementCache& cache) : before_(std::exchange(in_use, &cache)) {}

StatementCache::Use::~Use() { in_use = before_; }

StatementCache* StatementCache::of(const Connection& connection) {
  return in_use != nullptr && &in_use->connection_ == &connection ? in_use : nullptr;
}

std::string_view StatementCache::name_of(std::string_view sql) {
  const auto now = Clock::now();
  auto known = statements_.find(sql);
  if (known == statements_.end()) {
    if (statements_.size() == kStatementsMax) return {};
    const auto name = std::string(kNamePrefix) + std::to_string(statements_.size());
    known = statements_.emplace(sql, Statement{name, {}}).first;
  } else if (known->second.prepared_at != Clock::time_point{}) {
    if (now - known->second.prepared_at < planned_anew_after_) return known->second.name;
    connection_.unprepare(known->second.name);
    known->second.prepared_at = {};
  }
  connection_.prepare(known->second.name, std::string(sql));
  known->second.prepared_at = now;
  return known->second.name;
}

bool StatementCache::may_be_stale(std::string_view sqlstate, std::string_view said) {
  // Feature not supported (a cached plan must not change its result), no such statement, a statement that is there.
  return said.find(kNamePrefix) != std::string_view::npos &&
         (sqlstate == "0A000" || sqlstate == "26000" || sqlstate == "42P05");
}

std::string StatementCache::with_text(std::string said) const {
  // The name, or "[PREPARE name]".
  const auto begin = said.find(kNamePrefix);
  if (begin == std::string::npos) return said;
  const auto name = said.substr(begin, said.find_first_not_of("0123456789", begin + kNamePrefix.size()) - begin);
  for (const auto& [text, statement] : statements_) {
    if (statement.name == name) return text;
  }
  return said;
}

}  // namespace flashsale::postgres
