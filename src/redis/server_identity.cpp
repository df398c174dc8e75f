#include "server_identity.hpp"

namespace flashsale::redis {

std::string_view info_value(std::string_view info, std::string_view name) {
  for (std::size_t at = 0; at < info.size();) {
    auto end = info.find("\r\n", at);
    if (end == std::string_view::npos) end = info.size();
    const auto line = info.substr(at, end - at);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') {
      return line.substr(name.size() + 1);
    }
    at = end + 2;
  }
  return {};
}

ServerIdentity parse_server_identity(std::string_view info) {
  ServerIdentity identity;
  identity.run_id = info_value(info, "run_id");
  identity.replication_id = info_value(info, "master_replid");
  identity.is_master = info_value(info, "role") == "master";
  identity.loading = info_value(info, "loading") == "1";
  return identity;
}

}  // namespace flashsale::redis
