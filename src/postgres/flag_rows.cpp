#include "flag_rows.hpp"

#include <string>
#include <string_view>

#include "embedded/flashsale_postgres.hpp"
#include "row_reader.hpp"

namespace flashsale::postgres {
namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = text.find(',');
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

Flag read_flag(const pqxx::row& row) {
  return {row[1].as<bool>(), row[2].as<std::int32_t>(), split(row[3].as<std::string>())};
}

/// The rows of features that this binary knows: others were set by another release.
template <class Take>
void for_each_flag(pqxx::transaction_base& tx, Take take) {
  for (const auto& row : tx.exec(std::string(embedded::flags_select_sql))) {
    if (const auto feature = parse_feature(row[0].as<std::string>())) take(*feature, row);
  }
}

}  // namespace

std::vector<FlagRecord> read_flag_records(pqxx::transaction_base& tx) {
  std::vector<FlagRecord> records;
  for_each_flag(tx, [&](Feature feature, const pqxx::row& row) {
    records.push_back({feature, read_flag(row), read_time(row[4])});
  });
  return records;
}

FeatureFlags read_feature_flags(pqxx::transaction_base& tx) {
  FeatureFlags flags;
  for_each_flag(tx, [&](Feature feature, const pqxx::row& row) { flags.set(feature, read_flag(row)); });
  return flags;
}

}  // namespace flashsale::postgres
