#include "weighted_list.hpp"

#include <algorithm>
#include <charconv>

namespace flashsale::api {
namespace {

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

/// Takes what is in front of the next `separator` off the text.
std::string_view take_until(std::string_view& text, char separator) {
  const auto end = std::min(text.find(separator), text.size());
  const auto part = trim(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::string lower(std::string_view text) {
  std::string copy(text);
  for (char& c : copy) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return copy;
}

double parse_weight(std::string_view text) {
  double weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number && weight >= 0 && weight <= 1 ? weight : 0;
}

WeightedValue parse_value(std::string_view text) {
  WeightedValue read;
  read.value = lower(take_until(text, ';'));
  while (!text.empty()) {
    auto value = take_until(text, ';');
    auto name = lower(take_until(value, '='));
    if (name == "q") read.weight = parse_weight(value);
    else read.parameters.emplace_back(std::move(name), value);
  }
  return read;
}

}  // namespace

std::vector<WeightedValue> parse_weighted_list(std::string_view header) {
  std::vector<WeightedValue> list;
  while (!header.empty() && list.size() < kWeightedValuesMax) list.push_back(parse_value(take_until(header, ',')));
  return list;
}

std::string_view wished_language(std::string_view accept_language, const std::vector<std::string>& spoken) {
  std::string_view best;
  double weight = 0;
  for (const auto& wished : parse_weighted_list(accept_language)) {
    const auto language = std::string_view(wished.value).substr(0, wished.value.find('-'));
    const auto found = std::find(spoken.begin(), spoken.end(), language);
    if (found == spoken.end() || wished.weight <= weight) continue;
    best = *found;
    weight = wished.weight;
  }
  return best;
}

}  // namespace flashsale::api
