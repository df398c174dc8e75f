#pragma once
#include <cstddef>

#include "flashsale/catalog/snapshot.hpp"
#include "flashsale/telemetry/metrics.hpp"

namespace flashsale::catalog {

/// How many items have series of their own: those of running sales first, then by the order of creation.
inline constexpr std::size_t kItemsInMetricsMax = 200;

/// Adds what is on sale and what remains of it, an item a series, and the number of sales, as of this snapshot. Every
/// instance tells the same of an item, so queries take the maximum over instances, not the sum. Any thread.
void add_item_metrics(const Snapshot& snapshot, telemetry::Metrics::Families& families);

}  // namespace flashsale::catalog
