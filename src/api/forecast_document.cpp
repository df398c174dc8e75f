#include "forecast_document.hpp"

#include <algorithm>
#include <array>

#include "flashsale/model/json_members.hpp"

namespace flashsale::api {
namespace {

using forecast::kTargets;

// In the order of the targets.
constexpr std::array<std::string_view, kTargets.size()> kHorizons{"next_1s", "next_10s", "next_60s", "peak_60s"};

constexpr int kDigits = 1;
constexpr int kShareDigits = 4;

void append_arrivals(std::string& out, const std::optional<forecast::ArrivalQuantiles>& said) {
  append_member(out, "arrivals_a_second");
  if (!said) {
    out += "null";
    return;
  }
  out += '{';
  for (std::size_t target = 0; target < kHorizons.size(); ++target) {
    append_member(out, kHorizons[target]);
    out += '{';
    append_decimal(out, "low", (*said)[target][forecast::kLow], kDigits);
    append_decimal(out, "middle", (*said)[target][forecast::kMiddle], kDigits);
    append_decimal(out, "high", (*said)[target][forecast::kHigh], kDigits);
    out += '}';
  }
  out += '}';
}

void append_sell_out(std::string& out, const Item& item, const std::optional<forecast::SellOut>& said) {
  out += '{';
  append_text(out, "sku", item.sku);
  append_member(out, "in_s");
  if (said) {
    out += '{';
    append_decimal(out, "earliest", said->earliest_s, kDigits);
    append_decimal(out, "expected", said->expected_s, kDigits);
    append_decimal(out, "latest", said->latest_s, kDigits);
    out += '}';
  } else {
    out += "null";
  }
  out += '}';
}

}  // namespace

void append_forecast(std::string& out, std::string_view name, const admin::SaleForecast* forecast,
                     std::size_t items_max) {
  append_member(out, name);
  if (forecast == nullptr) {
    out += "null";
    return;
  }
  const auto& said = forecast->outlook;
  out += '{';
  append_time(out, "as_of", forecast->as_of);
  append_number(out, "elapsed_s", said.elapsed_s);
  append_arrivals(out, said.arrivals);
  append_member(out, "sell_outs");
  out += '[';
  const auto& items = forecast->sale->items;
  for (std::size_t i = 0; i < std::min(items.size(), items_max); ++i) {
    if (i > 0) out += ',';
    append_sell_out(out, items[i], i < said.sell_outs.size() ? said.sell_outs[i] : std::nullopt);
  }
  out += "]}";
}

void append_hindsight(std::string& out, std::string_view name, const std::optional<admin::SaleHindsight>& looked_back) {
  append_member(out, name);
  if (!looked_back) {
    out += "null";
    return;
  }
  out += '{';
  append_number(out, "seconds", looked_back->seconds);
  append_number(out, "checkouts", looked_back->checkouts);
  append_member(out, "intervals");
  out += '{';
  for (std::size_t target = 0; target < kHorizons.size(); ++target) {
    const auto& coverage = looked_back->hindsight.targets[target];
    append_member(out, kHorizons[target]);
    out += '{';
    append_number(out, "told", coverage.judged);
    const auto share =
        coverage.judged > 0 ? std::optional(coverage.covered / static_cast<double>(coverage.judged)) : std::nullopt;
    append_decimal(out, "covered", share, kShareDigits);
    out += '}';
  }
  out += "}}";
}

}  // namespace flashsale::api
