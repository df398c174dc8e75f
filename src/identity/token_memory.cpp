#include "token_memory.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <utility>

#include "flashsale/model/check.hpp"
#include "flashsale/model/keyed_hash.hpp"

namespace flashsale::identity {
namespace {

constexpr std::size_t kRightTokens = 262'144;
constexpr std::size_t kWrongTokens = 65'536;
constexpr std::size_t kForgingAddresses = 65'536;

bool has_public_keys(const TokenOptions& options) {
  return !options.public_key_pem.empty() || !options.jwks_json.empty();
}

}  // namespace

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

// A place guards no other memory, so no order is needed.
bool TokenSet::contains(const TokenHash& hash) const {
  if (sets_.empty()) return false;
  return std::ranges::any_of(sets_[hash.place(sets_.size())].places, [&hash](const auto& place) {
    return place[0].load(std::memory_order_relaxed) == hash.words()[0] &&
           place[1].load(std::memory_order_relaxed) == hash.words()[1];
  });
}

void TokenSet::remember(const TokenHash& hash) {
  if (sets_.empty() || contains(hash)) return;
  auto& places = sets_[hash.place(sets_.size())].places;
  const auto is_empty = [](const auto& place) { return place[0].load(std::memory_order_relaxed) == 0; };
  auto place = std::ranges::find_if(places, is_empty);
  if (place == places.end()) place = places.begin() + next_.fetch_add(1, std::memory_order_relaxed) % kWays;
  (*place)[0].store(hash.words()[0], std::memory_order_relaxed);
  (*place)[1].store(hash.words()[1], std::memory_order_relaxed);
}

CheckedTokens::CheckedTokens(const TokenOptions& options, unsigned threads)
    : right(has_public_keys(options) ? kRightTokens : 0),
      wrong(has_public_keys(options) ? kWrongTokens : 0),
      budget({.share_of_address = options.wrong_signature_share_of_address,
              .share_of_all = options.wrong_signature_share,
              .threads = threads,
              .addresses_max = has_public_keys(options) ? kForgingAddresses : 0}) {}

std::shared_ptr<CheckedTokens> make_checked_tokens(const TokenOptions& options, unsigned threads) {
  return std::make_shared<CheckedTokens>(options, threads);
}

}  // namespace flashsale::identity
