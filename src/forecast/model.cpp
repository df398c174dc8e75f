#include "flashsale/forecast/model.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>

#include "embedded/flashsale_forecast.hpp"
#include "features.hpp"
#include "flashsale/model/check.hpp"

namespace flashsale::forecast {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr double kFeatureMax = 5;     // standard deviations from the mean
constexpr double kLogarithmMax = 30;  // of a rate
constexpr unsigned kElapsedMinS = 3;
constexpr double kArrivalsMin = 20;
constexpr std::size_t kOutputs = kTargets.size() * kLevels.size();

template <typename Names>
bool names_are(const nlohmann::json& found, const Names& names) {
  return found.is_array() && std::ranges::equal(found, names, [](const auto& one, const auto& name) {
           return one.is_string() && one.template get_ref<const std::string&>() == name;
         });
}

double dot(const std::vector<double>& row, std::span<const double> values) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += row[i] * values[i];
  return sum;
}

}  // namespace

bool knows_enough(const ArrivalHistory& history, const Prior& prior) {
  if (prior.registrations && prior.earlier) return true;
  return history.elapsed_s() >= kElapsedMinS && history.total() >= kArrivalsMin;
}

const Model& Model::built_in() {
  static const Model kModel = [] {
    auto model = parse(embedded::coefficients_json);
    FLASHSALE_CHECK(model.has_value());
    return *std::move(model);
  }();
  return kModel;
}

bool Model::fits() const {
  const auto has_shape = [](const Matrix& matrix, std::size_t rows, std::size_t columns) {
    return matrix.size() == rows && std::ranges::all_of(matrix, [&](const Row& row) { return row.size() == columns; });
  };
  const std::size_t hidden = hidden_bias_.size();
  return centre_.size() == kFeatures.size() && spread_.size() == kFeatures.size() && bias_.size() == kOutputs &&
         std::ranges::all_of(spread_, [](double value) { return value > 0; }) &&
         has_shape(hidden_, hidden, kFeatures.size()) && has_shape(out_, kOutputs, hidden) &&
         has_shape(straight_, kOutputs, kFeatures.size()) && has_shape(stretch_, kTargets.size(), kLevels.size());
}

std::optional<Model> Model::parse(std::string_view json) {
  try {
    const auto raw = nlohmann::json::parse(json);
    Model model;
    raw.at("version").get_to(model.version_);
    const bool is_known = model.version_ == kVersion && names_are(raw.at("features"), kFeatures) &&
                          names_are(raw.at("targets"), kTargets) && raw.at("levels") == nlohmann::json(kLevels);
    if (!is_known) return std::nullopt;
    for (const auto& [name, row] : {std::pair{"centre", &model.centre_}, std::pair{"spread", &model.spread_},
                                    std::pair{"hidden_bias", &model.hidden_bias_}, std::pair{"bias", &model.bias_}}) {
      raw.at(name).get_to(*row);
    }
    for (const auto& [name, matrix] :
         {std::pair{"hidden", &model.hidden_}, std::pair{"out", &model.out_}, std::pair{"straight", &model.straight_},
          std::pair{"stretch", &model.stretch_}}) {
      raw.at(name).get_to(*matrix);
    }
    return model.fits() ? std::optional(std::move(model)) : std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

ArrivalQuantiles Model::look_ahead(const ArrivalHistory& history, const Prior& prior) const {
  FeatureVector x = features_of(history, prior);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = std::clamp((x[i] - centre_[i]) / spread_[i], -kFeatureMax, kFeatureMax);
  }
  Row hidden(hidden_bias_.size());
  for (std::size_t i = 0; i < hidden.size(); ++i) hidden[i] = std::tanh(dot(hidden_[i], x) + hidden_bias_[i]);
  ArrivalQuantiles said{};
  for (std::size_t target = 0; target < said.size(); ++target) {
    Quantiles& line = said[target];
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::size_t output = target * kLevels.size() + i;
      line[i] = dot(out_[output], hidden) + dot(straight_[output], x) + bias_[output];
    }
    std::ranges::sort(line);
    const double middle = line[kMiddle];
    for (std::size_t i = 0; i < line.size(); ++i) line[i] = middle + (line[i] - middle) * stretch_[target][i];
    std::ranges::sort(line);
    for (double& value : line) {
      value = std::max(0.0, std::exp(std::clamp(value, -kLogarithmMax, kLogarithmMax)) * level_of(history) - 1);
    }
  }
  return said;
}

}  // namespace flashsale::forecast
