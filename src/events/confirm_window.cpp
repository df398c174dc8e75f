#include "confirm_window.hpp"

#include <algorithm>
#include <utility>

namespace flashsale::events {
namespace {

/// More than a broker confirms at once, and few enough to be sent again.
constexpr std::size_t kMost = 1000;

}  // namespace

void ConfirmWindow::clear() {
  entries_.clear();
  first_number_ = 1;
  unsettled_ = 0;
  most_ = 1;
}

void ConfirmWindow::forget() {
  first_number_ += entries_.size();
  entries_.clear();
  unsettled_ = 0;
  most_ = 1;
}

void ConfirmWindow::add(EventPtr event) {
  entries_.push_back({.event = std::move(event)});
  ++unsettled_;
}

void ConfirmWindow::settle(std::uint64_t number, bool multiple, State state) {
  if (number < first_number_) return;
  const auto last = static_cast<std::size_t>(number - first_number_);
  if (last >= entries_.size()) return;
  for (std::size_t i = multiple ? 0 : last; i <= last; ++i) {
    if (entries_[i].state != State::waiting) continue;
    entries_[i].state = state;
    --unsettled_;
  }
}

const Event* ConfirmWindow::unroutable(std::string_view event_id) {
  const auto found = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.state == State::waiting && entry.event->id == event_id; });
  if (found == entries_.end()) return nullptr;
  found->is_unroutable = true;
  return found->event.get();
}

std::size_t ConfirmWindow::take_confirmed() {
  std::size_t taken = 0;
  while (!entries_.empty() && entries_.front().state == State::confirmed && !has_failed(entries_.front())) {
    entries_.pop_front();
    ++taken;
  }
  first_number_ += taken;
  most_ = std::min(most_ + taken, kMost);
  return taken;
}

const ConfirmWindow::Entry* ConfirmWindow::first_failed() const {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) { return has_failed(entry); });
  return found == entries_.end() ? nullptr : &*found;
}

const Event* ConfirmWindow::failed() const {
  const auto* entry = first_failed();
  return entry == nullptr ? nullptr : entry->event.get();
}

bool ConfirmWindow::is_unroutable_failed() const {
  const auto* entry = first_failed();
  return entry != nullptr && entry->is_unroutable;
}

}  // namespace flashsale::events
