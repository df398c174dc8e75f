#include "sale_curves.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <numeric>
#include <utility>

#include "flashsale/forecast/running_sale.hpp"
#include "flashsale/postgres/arrival_repository.hpp"

namespace flashsale::admin {
namespace {

constexpr std::size_t kEarlierMax = 4;
constexpr std::size_t kEarlierSecondsMax = 3600;  // of an earlier curve: a forecast asks for minutes
constexpr double kEarlierCheckoutsMin = 20;       // less is no crowd

bool is_over(const Sale& sale, TimePoint now) {
  return effective_state(sale.state, sale.starts_at, sale.ends_at, now) == SaleState::closed;
}

std::vector<double> curve_of(const postgres::ArrivalCurve& stored) {
  std::vector<forecast::SecondCount> counts;
  for (const auto& one : stored.counts) counts.push_back({one.second, static_cast<double>(one.checkouts)});
  return forecast::curve_of(counts);
}

/// Null: too few came.
Result<std::shared_ptr<const forecast::EarlierCurve>> read_earlier(postgres::Session& session, std::int32_t sale_no,
                                                                   postgres::NewestRun which) {
  const auto stored = postgres::read_newest_run(session, sale_no, which, kEarlierSecondsMax);
  if (!stored) return stored.error();
  const auto curve = curve_of(*stored);
  std::shared_ptr<const forecast::EarlierCurve> earlier;
  const bool is_crowd = std::accumulate(curve.begin(), curve.end(), 0.0) >= kEarlierCheckoutsMin;
  if (is_crowd) earlier = std::make_shared<const forecast::EarlierCurve>(curve);
  return earlier;
}

}  // namespace

std::vector<std::int32_t> earlier_sales(const catalog::Snapshot& snapshot, const Sale& sale, TimePoint now) {
  std::vector<const Sale*> found;
  for (const auto& one : snapshot.sales) {
    const auto& other = *one->sale;
    const bool may_tell = other.sale_no != sale.sale_no && other.starts_at <= sale.starts_at;
    if (may_tell && (other.rehearsal || is_over(other, now))) found.push_back(&other);
  }
  // Of those that begin at once the newest one, which stands last.
  std::reverse(found.begin(), found.end());
  std::ranges::stable_sort(found, std::ranges::greater{}, &Sale::starts_at);
  std::vector<std::int32_t> numbers;
  for (std::size_t i = 0; i < std::min(found.size(), kEarlierMax); ++i) numbers.push_back(found[i]->sale_no);
  return numbers;
}

// The waiting room will add how many have registered, for this sale and for the earlier one.
Result<forecast::Prior> find_prior(postgres::Session& session, const catalog::Snapshot& snapshot, const Sale& sale,
                                   TimePoint now) {
  forecast::Prior prior;
  auto earlier = read_earlier(session, sale.sale_no, postgres::NewestRun::ended);
  if (!earlier) return earlier.error();
  prior.earlier = std::move(*earlier);
  for (const auto sale_no : earlier_sales(snapshot, sale, now)) {
    if (prior.earlier) break;
    earlier = read_earlier(session, sale_no, postgres::NewestRun::any);
    if (!earlier) return earlier.error();
    prior.earlier = std::move(*earlier);
  }
  return prior;
}

Result<std::optional<SaleHindsight>> look_back(postgres::Session& session, const catalog::Snapshot& snapshot,
                                               const Sale& sale, TimePoint now) {
  std::optional<SaleHindsight> looked_back;
  const auto stored = postgres::read_arrivals(session, sale.sale_no, 0, forecast::RunningSale::kSecondsMax);
  if (!stored) return stored.error();
  if (stored->counts.empty()) return looked_back;
  const auto prior = find_prior(session, snapshot, sale, now);
  if (!prior) return prior.error();
  const auto curve = curve_of(*stored);
  looked_back.emplace();
  looked_back->seconds = static_cast<std::int64_t>(curve.size());
  for (const auto& one : stored->counts) looked_back->checkouts += one.checkouts;
  looked_back->hindsight = forecast::look_back(curve, *prior);
  return looked_back;
}

}  // namespace flashsale::admin
