#include "attributes.hpp"

namespace flashsale::events {

std::vector<Attribute> attributes_of(const Event& event, std::string_view source) {
  std::vector<Attribute> attributes{{"specversion", "1.0"},
                                    {"id", event.id},
                                    {"source", std::string(source)},
                                    {"type", std::string(to_string(event.type))},
                                    {"subject", event.subject},
                                    {"time", event.time},
                                    {"dataschema", data_schema_of(event.type)},
                                    {"sequence", sequence_of(event.position)},
                                    {"partitionkey", event.partition_key}};
  if (!event.traceparent.empty()) attributes.push_back({"traceparent", event.traceparent});
  return attributes;
}

}  // namespace flashsale::events
