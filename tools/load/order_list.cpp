#include "order_list.hpp"

#include <string_view>

#include "buyers.hpp"

namespace flashsale::load {
namespace {

/// Empty: there is nothing to know.
std::string_view knowledge_of(const KeyRecord& key) {
  if ((key.seen & kSeenCommitted) != 0) return "told";
  if ((key.seen & kSeenRejected) != 0) return "open";  // there is a row, and it was never an order
  if ((key.seen & kSeenAccepted) != 0) return "accepted";
  return (key.seen & kSeenUnknown) != 0 ? "open" : "";
}

}  // namespace

void write_order_list(std::ostream& out, const Expectation& expectation, const std::vector<KeyRecord>& keys) {
  out << expectation.sale_id << '\n';
  for (const KeyRecord& key : keys) {
    const std::string_view knowledge = knowledge_of(key);
    if (knowledge.empty()) continue;
    out << expected_order_id(expectation.sale, expectation.run_mark, key.buyer, key.purchase).to_string() << ' '
        << knowledge << ((key.seen & kSeenCancelled) != 0 ? " cancelled\n" : "\n");
  }
}

}  // namespace flashsale::load
