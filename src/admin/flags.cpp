#include "flashsale/admin/flags.hpp"

#include "flashsale/catalog/change_push.hpp"

namespace flashsale::admin {

Result<postgres::FlagRecord> set_flag(workers::Stores& stores, Feature feature, const Flag& flag,
                                      std::string_view who) {
  const auto change = postgres::put_flag(stores.session(), feature, flag, who);
  if (!change) return change.error();
  // Without Redis each instance finds it by looking into PostgreSQL itself.
  (void)catalog::announce_directory(stores, change->directory_version);
  return change->record;
}

}  // namespace flashsale::admin
