#include "flashsale/insight/shared_origins.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <tuple>

#include "flashsale/insight/windows.hpp"
#include "flashsale/model/keyed_hash.hpp"

namespace flashsale::insight {
namespace {

constexpr std::size_t kDigitsOfHalf = 16;

/// Only to tell one from another, the same in every process that reads a state.
std::uint64_t number_of(std::string_view customer_id) { return keyed_hash({1, 2}, customer_id); }

/// False: it is there.
bool insert(std::vector<std::uint64_t>& sorted, std::uint64_t number) {
  const auto place = std::ranges::lower_bound(sorted, number);
  if (place != sorted.end() && *place == number) return false;
  sorted.insert(place, number);
  return true;
}

bool is_current(std::int64_t begins_at_s, TimePoint now) {
  const auto first =
      window_of(now, SharedOrigins::kWindowSeconds) - (SharedOrigins::kWindowsKept - 1) * SharedOrigins::kWindowSeconds;
  return begins_at_s >= first;
}

}  // namespace

std::optional<SharedOrigins::Hash> SharedOrigins::parse(std::string_view hash) {
  if (hash.size() != 2 * kDigitsOfHalf) return std::nullopt;
  Hash halves{};
  for (std::size_t i = 0; i < halves.size(); ++i) {
    const auto* begin = hash.data() + i * kDigitsOfHalf;
    const auto [end, error] = std::from_chars(begin, begin + kDigitsOfHalf, halves[i], 16);
    if (error != std::errc{} || end != begin + kDigitsOfHalf) return std::nullopt;
  }
  return halves;
}

std::string SharedOrigins::format(const Hash& hash) {
  std::array<char, 2 * kDigitsOfHalf + 1> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(hash[0]),
                static_cast<unsigned long long>(hash[1]));
  return text.data();
}

SharedOrigins::Window* SharedOrigins::window_at(OriginKind kind, std::int64_t begins_at_s) {
  newest_s_ = std::max(newest_s_, begins_at_s);
  const auto first_kept = newest_s_ - (kWindowsKept - 1) * kWindowSeconds;
  for (auto& ring : rings_) ring.erase(ring.begin(), ring.lower_bound(first_kept));
  return begins_at_s < first_kept ? nullptr : &rings_[static_cast<std::size_t>(kind)][begins_at_s];
}

void SharedOrigins::count(Window& window, const Hash& hash, std::int64_t orders,
                          const std::vector<std::uint64_t>& customers) {
  const auto [found, is_new] = window.entries.try_emplace(hash);
  auto& entry = found->second;
  if (!is_new) window.by_rank.erase({entry.customers.size(), entry.heard_no});
  for (const auto customer : customers) {
    if (entry.customers.size() < pairs_max_ && insert(entry.customers, customer)) ++window.pairs;
  }
  entry.orders += orders;
  entry.heard_no = ++last_heard_no_;
  window.by_rank.emplace(Rank{entry.customers.size(), entry.heard_no}, hash);
  make_room(window);
}

void SharedOrigins::make_room(Window& window) {
  while (window.pairs > pairs_max_ && window.entries.size() > 1) {
    const auto least = window.by_rank.begin();
    window.pairs -= least->first.first;
    window.entries.erase(least->second);
    window.by_rank.erase(least);
    ++forgotten_;
  }
}

void SharedOrigins::add(TimePoint at, OriginKind kind, std::string_view hash, std::string_view customer_id) {
  const auto parsed = parse(hash);
  if (!parsed || customer_id.empty()) return;
  auto* window = window_at(kind, window_of(at, kWindowSeconds));
  if (window != nullptr) count(*window, *parsed, 1, {number_of(customer_id)});
}

/// How many there are stays, but where somebody has both names.
void SharedOrigins::rename(std::string_view customer_id, std::string_view pseudonym) {
  for (auto& ring : rings_) {
    for (auto& [begins_at_s, window] : ring) {
      for (auto& [hash, entry] : window.entries) {
        const auto place = std::ranges::lower_bound(entry.customers, number_of(customer_id));
        if (place == entry.customers.end() || *place != number_of(customer_id)) continue;
        window.by_rank.erase({entry.customers.size(), entry.heard_no});
        entry.customers.erase(place);
        if (!insert(entry.customers, number_of(pseudonym))) --window.pairs;
        window.by_rank.emplace(Rank{entry.customers.size(), entry.heard_no}, hash);
      }
    }
  }
}

std::vector<SharedOrigins::Origin> SharedOrigins::top(OriginKind kind, std::size_t count) const {
  std::vector<Origin> origins;
  for (const auto& [begins_at_s, window] : rings_[static_cast<std::size_t>(kind)]) {
    std::size_t left = count;
    for (auto at = window.by_rank.rbegin(); at != window.by_rank.rend() && at->first.first > 1 && left > 0;
         ++at, --left)
      origins.push_back({begins_at_s, format(at->second), window.entries.at(at->second).orders,
                         static_cast<std::int64_t>(at->first.first)});
  }
  const auto order = [](const Origin& one) {
    return std::tuple(-one.customers, -one.orders, one.begins_at_s, one.hash);
  };
  std::ranges::sort(origins, {}, order);
  origins.resize(std::min(origins.size(), count));
  return origins;
}

std::int64_t SharedOrigins::count_shared(OriginKind kind, std::int64_t customers_min, TimePoint now) const {
  std::int64_t most = 0;
  for (const auto& [begins_at_s, window] : rings_[static_cast<std::size_t>(kind)]) {
    if (!is_current(begins_at_s, now)) continue;
    const auto first = window.by_rank.lower_bound({static_cast<std::size_t>(customers_min), 0});
    most = std::max<std::int64_t>(most, std::distance(first, window.by_rank.end()));
  }
  return most;
}

std::int64_t SharedOrigins::customers_max(OriginKind kind, TimePoint now) const {
  std::size_t most = 0;
  for (const auto& [begins_at_s, window] : rings_[static_cast<std::size_t>(kind)]) {
    if (is_current(begins_at_s, now) && !window.by_rank.empty())
      most = std::max(most, window.by_rank.rbegin()->first.first);
  }
  return static_cast<std::int64_t>(most);
}

std::vector<SharedOrigins::Kept> SharedOrigins::list() const {
  std::vector<std::pair<std::int64_t, Kept>> by_age;
  for (std::size_t kind = 0; kind < rings_.size(); ++kind) {
    for (const auto& [begins_at_s, window] : rings_[kind]) {
      for (const auto& [hash, entry] : window.entries)
        by_age.push_back({entry.heard_no,
                          {static_cast<OriginKind>(kind), begins_at_s, format(hash), entry.orders, entry.customers}});
    }
  }
  std::ranges::sort(by_age, {}, [](const auto& one) { return one.first; });
  std::vector<Kept> kept;
  kept.reserve(by_age.size());
  for (auto& one : by_age) kept.push_back(std::move(one.second));
  return kept;
}

void SharedOrigins::restore(const Kept& kept) {
  const auto parsed = parse(kept.hash);
  auto* window = parsed ? window_at(kept.kind, kept.begins_at_s) : nullptr;
  if (window != nullptr) count(*window, *parsed, kept.orders, kept.customers);
}

}  // namespace flashsale::insight
