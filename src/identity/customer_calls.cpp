#include "flashsale/identity/customer_calls.hpp"

#include <openssl/rand.h>

#include "flashsale/model/check.hpp"
#include "flashsale/model/keyed_hash.hpp"

namespace flashsale::identity {

CustomerCalls::CustomerCalls(std::uint32_t most) : most_(most), table_(std::make_shared<Table>()) {
  auto& key = table_->hash_key;
  FLASHSALE_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), sizeof key) == 1);
}

CustomerCalls::Call CustomerCalls::begin(std::string_view customer_id) {
  auto& counter = table_->under_way[keyed_hash(table_->hash_key, customer_id) % kCounters];
  // The counters guard no other memory, so no order is needed.
  if (counter.fetch_add(1, std::memory_order_relaxed) >= most_) {
    counter.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  return {table_.get(), [table = table_, &counter](void*) { counter.fetch_sub(1, std::memory_order_relaxed); }};
}

}  // namespace flashsale::identity
