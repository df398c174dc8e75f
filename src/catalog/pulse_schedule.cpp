#include "pulse_schedule.hpp"

namespace flashsale::catalog {

bool is_quiet(const SaleSnapshot& last, TimePoint now) {
  const auto& sale = *last.sale;
  if (!last.serving || last.log_entries > 0) return false;
  // Orders can be cancelled, and their units come back.
  if (last.order_records > 0 && now < sale.ends_at + kAwakeAfterEnd) return false;
  if (sale.is_draft) return true;
  const bool starts_later = sale.state == SaleState::scheduled && now + kAwakeBeforeStart < sale.starts_at;
  return starts_later || effective_state(sale.state, sale.starts_at, sale.ends_at, now) == SaleState::closed;
}

}  // namespace flashsale::catalog
