#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace flashsale::events {

struct KafkaProperty {
  std::string name;
  std::string value;
};

/// Reads `name=value` lines; empty ones and those that begin with # count for nothing. Throws std::invalid_argument
/// with one clear line, which holds no value: for a line that is none, and for a property that a promise rests on.
[[nodiscard]] std::vector<KafkaProperty> parse_kafka_properties(std::string_view text);

}  // namespace flashsale::events
