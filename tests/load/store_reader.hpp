#pragma once
#include <string>
#include <vector>

#include "check.hpp"

namespace flashsale::load {

struct StoreContents {
  std::vector<StoredOrder> orders;
  std::vector<StoredItem> items;  ///< in the order of Expectation::items
};

/// Everything that PostgreSQL has of one sale, of one snapshot. Throws what libpqxx throws.
[[nodiscard]] StoreContents read_store(const std::string& postgres_url, const Expectation& expectation);

}  // namespace flashsale::load
