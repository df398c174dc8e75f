#include "refusal.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace flashsale::redis {

Refusal judge(std::string_view error) {
  constexpr std::array<std::pair<std::string_view, Refusal>, 17> kWords{{
      {"ERR", Refusal::data},
      {"WRONGTYPE", Refusal::data},
      {"CROSSSLOT", Refusal::data},
      {"OOM", Refusal::data},  // what frees memory, or asks, goes on
      {"NOPERM", Refusal::not_permitted},
      {"NOSCRIPT", Refusal::script_missing},
      {"BUSY", Refusal::not_now},
      {"MISCONF", Refusal::not_now},
      {"NOREPLICAS", Refusal::not_now},
      {"CLUSTERDOWN", Refusal::elsewhere},
      {"MOVED", Refusal::elsewhere},
      {"ASK", Refusal::elsewhere},
      {"TRYAGAIN", Refusal::elsewhere},
      {"READONLY", Refusal::wrong_server},
      {"LOADING", Refusal::wrong_server},
      {"MASTERDOWN", Refusal::wrong_server},
      {"NOAUTH", Refusal::wrong_server},
  }};
  const auto word = error.substr(0, error.find(' '));
  const auto known = std::ranges::find(kWords, word, &std::pair<std::string_view, Refusal>::first);
  return known == kWords.end() ? Refusal::not_now : known->second;
}

}  // namespace flashsale::redis
