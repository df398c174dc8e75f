#include "flashsale/catalog/pulse_mailbox.hpp"

#include <utility>

namespace flashsale::catalog {

void PulseMailbox::put(DirectoryNews news) {
  {
    const std::lock_guard lock(mutex_);
    mail_.directory.push_back(std::move(news));
  }
  wake_.notify_all();
}

void PulseMailbox::put(SoldOutMarks marks) {
  const std::lock_guard lock(mutex_);
  mail_.marks.push_back(std::move(marks));
}

PulseMailbox::Mail PulseMailbox::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(mail_, {});
}

bool PulseMailbox::wait_until(SteadyTime until) {
  std::unique_lock lock(mutex_);
  wake_.wait_until(lock, until, [this] { return is_closed_ || !mail_.directory.empty(); });
  return !is_closed_;
}

void PulseMailbox::close() {
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }
  wake_.notify_all();
}

}  // namespace flashsale::catalog
