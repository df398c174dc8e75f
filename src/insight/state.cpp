#include "flashsale/insight/state.hpp"

#include <nlohmann/json.hpp>

namespace flashsale::insight {

using Json = nlohmann::json;

namespace {

constexpr int kFormat = 1;

Json json_of(const Amounts& amounts) { return {amounts.orders, amounts.units, amounts.amount}; }

Amounts amounts_of(const Json& json) {
  return {json.at(0).get<std::int64_t>(), json.at(1).get<std::int64_t>(), json.at(2).get<std::int64_t>()};
}

Json json_of(const SeriesKey& key) { return {key.sale_id, key.sku, key.currency}; }

SeriesKey key_of(const Json& json) {
  return {json.at(0).get<std::string>(), json.at(1).get<std::string>(), json.at(2).get<std::string>()};
}

Json json_of(const Figures::Counts& counts) {
  return {counts.events,    counts.repeated, counts.late,   counts.unreadable,
          counts.rehearsed, counts.unknown,  counts.refunds};
}

Figures::Counts counts_of(const Json& json) {
  const auto number = [&json](std::size_t i) { return json.at(i).get<std::int64_t>(); };
  return {number(0), number(1), number(2), number(3), number(4), number(5), number(6)};
}

Json json_of(const Totals& totals) {
  auto by_status = Json::array();
  for (const auto& [status, amounts] : totals.by_status)
    by_status.push_back({static_cast<int>(status), json_of(amounts)});
  return {by_status, totals.stock ? Json(*totals.stock) : Json(), totals.touched_at};
}

Totals totals_of(const Json& json) {
  Totals totals;
  for (const auto& entry : json.at(0))
    totals.by_status[static_cast<OrderStatus>(entry.at(0).get<int>())] = amounts_of(entry.at(1));
  if (!json.at(1).is_null()) totals.stock = json.at(1).get<std::int64_t>();
  totals.touched_at = json.at(2).get<std::int64_t>();
  return totals;
}

Json json_of(const Windows& windows) {
  auto list = Json::array();
  for (std::size_t i = 0; i < Windows::kWidths.size(); ++i) {
    for (const auto& [begins_at_s, cells] : windows.rings()[i]) {
      for (const auto& [key, cell] : cells)
        list.push_back({i, begins_at_s, json_of(key), json_of(cell.placed), json_of(cell.confirmed),
                        json_of(cell.cancelled), cell.returned_units});
    }
  }
  return list;
}

void restore(Windows& windows, const Json& list) {
  for (const auto& cell : list) {
    const WindowFigures figures{amounts_of(cell.at(3)), amounts_of(cell.at(4)), amounts_of(cell.at(5)),
                                cell.at(6).get<std::int64_t>()};
    const auto width = cell.at(0).get<std::size_t>();
    if (width < Windows::kWidths.size())
      windows.restore(width, cell.at(1).get<std::int64_t>(), key_of(cell.at(2)), figures);
  }
}

Json json_of(const SharedOrigins& origins) {
  auto list = Json::array();
  for (const auto& one : origins.list())
    list.push_back({static_cast<int>(one.kind), one.begins_at_s, one.hash, one.orders, one.customers});
  return list;
}

void restore(SharedOrigins& origins, const Json& list) {
  for (const auto& one : list) {
    const auto kind = one.at(0).get<std::size_t>();
    if (kind < kOriginKinds.size())
      origins.restore({static_cast<OriginKind>(kind), one.at(1).get<std::int64_t>(), one.at(2).get<std::string>(),
                       one.at(3).get<std::int64_t>(), one.at(4).get<std::vector<std::uint64_t>>()});
  }
}

}  // namespace

/// Throws what nlohmann::json throws.
class StateReader {
 public:
  static Figures read(const Json& json, const Figures::Limits& limits) {
    Figures figures(limits);
    if (!json.at("position").is_null()) figures.position_ = json.at("position").get<std::int64_t>();
    if (!json.at("begun_after").is_null()) figures.begun_after_ = json.at("begun_after").get<std::int64_t>();
    figures.counts_ = counts_of(json.at("counts"));
    for (const auto& entry : json.at("series")) figures.series_[key_of(entry.at(0))] = totals_of(entry.at(1));
    figures.windows_.restore_newest(from_unix_us(json.at("newest_us").get<std::int64_t>()));
    restore(figures.windows_, json.at("windows"));
    for (const auto& buyer : json.at("buyers"))
      figures.buyers_.add(buyer.at(0).get<std::string>(), buyer.at(1).get<std::int64_t>(),
                          buyer.at(2).get<std::int64_t>());
    // A state of before there were any has none.
    restore(figures.origins_, json.value("origins", Json::array()));
    figures.origins_.restore_forgotten(json.value("origins_forgotten", std::int64_t{0}));
    for (const auto& order : json.at("orders"))
      figures.orders_.remember(order.at(0).get<std::string>(), static_cast<OrderStatus>(order.at(1).get<int>()));
    // What a state does not tell may have been.
    if (json.value("has_lost_unpaid", true)) figures.orders_.set_has_lost_unpaid();
    return figures;
  }
};

std::string write_state(const Figures& figures) {
  Json json{{"format", kFormat}};
  json["position"] = figures.position_ ? Json(*figures.position_) : Json();
  json["begun_after"] = figures.begun_after_ ? Json(*figures.begun_after_) : Json();
  json["counts"] = json_of(figures.counts_);
  auto& series = json["series"] = Json::array();
  for (const auto& [key, totals] : figures.series_) series.push_back({json_of(key), json_of(totals)});
  json["newest_us"] = to_unix_us(figures.windows_.newest());
  json["windows"] = json_of(figures.windows_);
  auto& buyers = json["buyers"] = Json::array();
  for (const auto& buyer : figures.buyers_.top(figures.limits_.buyers_max))
    buyers.push_back({buyer.customer_id, buyer.units, buyer.error});
  json["origins"] = json_of(figures.origins_);
  json["origins_forgotten"] = figures.origins_.forgotten();
  auto& orders = json["orders"] = Json::array();
  for (const auto& [id, status] : figures.orders_.list()) orders.push_back({id, static_cast<int>(status)});
  json["has_lost_unpaid"] = figures.orders_.has_lost_unpaid();
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Figures> read_state(std::string_view text, const Figures::Limits& limits) {
  const auto json = Json::parse(text, nullptr, false);
  try {
    if (json.at("format").get<int>() != kFormat) return std::nullopt;
    return StateReader::read(json, limits);
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace flashsale::insight
