#include "behaviour_bands.hpp"

#include "flashsale/model/json_members.hpp"

namespace flashsale::api {

void append_behaviour_bands(std::string& out, std::string_view name, const postgres::BehaviourBands& bands) {
  append_member(out, name);
  out += '{';
  for (std::size_t i = 0; i < bands.size(); ++i) append_number(out, kBehaviourBands[i], bands[i]);
  out += '}';
}

}  // namespace flashsale::api
