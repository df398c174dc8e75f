#include "token_memory.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <utility>

#include "flashsale/model/check.hpp"
#include "keyed_hash.hpp"

namespace flashsale::identity {

TokenHash::Maker::Maker() {
  FLASHSALE_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(keys_.data()), sizeof keys_) == 1);
}

TokenHash TokenHash::Maker::operator()(std::string_view token) const {
  TokenHash hash;
  for (std::size_t i = 0; i < keys_.size(); ++i) hash.words_[i] = keyed_hash(keys_[i], token);
  return hash;
}

const KnownTokens::Entry* KnownTokens::find(const TokenHash& hash) const {
  if (sets_.empty()) return nullptr;
  const auto& entries = sets_[hash.place(sets_.size())].entries;
  const auto found = std::ranges::find(entries, hash, &Entry::hash);
  return found == entries.end() ? nullptr : &*found;
}

const KnownTokens::Entry& KnownTokens::remember(Entry entry) {
  auto& set = sets_[entry.hash.place(sets_.size())];
  auto& place = set.entries[set.next++ % kWays];
  place = std::move(entry);
  return place;
}

}  // namespace flashsale::identity
