#pragma once
#include <string>
#include <string_view>

namespace flashsale::redis {

/// What INFO says of the server that matters to the fence and to `serve`'s start.
struct ServerIdentity {
  std::string run_id;
  std::string replication_id;
  bool is_master = false;
  bool loading = false;

  /// run_id and master_replid together: after a failover and back the first alone would match (PROTOCOL R6).
  [[nodiscard]] std::string text() const { return run_id + ":" + replication_id; }
};

/// From the text of `INFO`; fields that are missing stay empty.
[[nodiscard]] ServerIdentity parse_server_identity(std::string_view info);

/// The value of one `name:value` line of INFO's text, or empty.
[[nodiscard]] std::string_view info_value(std::string_view info, std::string_view name);

}  // namespace flashsale::redis
