#include "kafka_properties.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace flashsale::events {
namespace {

/// Promises rest on these, or settings of their own say them.
constexpr std::array<std::string_view, 9> kFixed{"acks",
                                                 "bootstrap.servers",
                                                 "enable.idempotence",
                                                 "isolation.level",
                                                 "max.in.flight.requests.per.connection",
                                                 "metadata.broker.list",
                                                 "request.required.acks",
                                                 "message.timeout.ms",
                                                 "delivery.timeout.ms"};

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

[[noreturn]] void refuse(std::size_t line, std::string_view what) {
  throw std::invalid_argument("events.kafka.properties_file: line " + std::to_string(line) + ": " + std::string(what));
}

}  // namespace

std::vector<KafkaProperty> parse_kafka_properties(std::string_view text) {
  std::vector<KafkaProperty> properties;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto line = trim(text.substr(0, text.find('\n')));
    text.remove_prefix(
        std::min(text.size(), text.find('\n') == std::string_view::npos ? text.size() : text.find('\n') + 1));
    if (line.empty() || line.front() == '#') continue;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) refuse(number, "is not name=value");
    const auto name = trim(line.substr(0, equals));
    if (name.empty()) refuse(number, "is not name=value");
    if (std::ranges::find(kFixed, name) != kFixed.end()) refuse(number, std::string(name) + " is not for this file");
    properties.push_back({std::string(name), std::string(trim(line.substr(equals + 1)))});
  }
  return properties;
}

}  // namespace flashsale::events
