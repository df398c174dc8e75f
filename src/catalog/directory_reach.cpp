#include "directory_reach.hpp"

#include <algorithm>

namespace flashsale::catalog {
namespace {

bool is_beyond(const Reach& reach, std::string_view server, const postgres::DirectoryChanges& changes) {
  return reach.server == server && (reach.version > changes.version || reach.wal_position > changes.wal_position);
}

}  // namespace

std::vector<postgres::ServerMark> remembered_marks(const Reach& seen, const Reach& announced, std::string_view meant) {
  std::vector<postgres::ServerMark> marks;
  if (seen.server == meant && seen.mark.number >= 0) marks.push_back(seen.mark);
  if (announced.mark.number >= 0) marks.push_back(announced.mark);
  return marks;
}

std::optional<GoneBack> find_gone_back(const Reach& seen, const Reach& announced, const AskedServer& server,
                                       const postgres::DirectoryChanges& changes) {
  const bool lacks_marks = server.answered == server.meant && !changes.lost_marks.empty();
  if (!lacks_marks && !is_beyond(seen, server.answered, changes) && !is_beyond(announced, server.answered, changes)) {
    return std::nullopt;
  }
  GoneBack gone_back{.above = std::max(seen.version, announced.version), .lost_marks = {}};
  if (lacks_marks) gone_back.lost_marks = changes.lost_marks;
  return gone_back;
}

}  // namespace flashsale::catalog
