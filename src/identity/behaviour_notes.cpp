#include "flashsale/identity/behaviour_notes.hpp"

namespace flashsale::identity {
namespace {

/// Of one thread between two beats of the pulse, far more than it can answer in that time.
constexpr std::size_t kNotesMax = 16'384;
constexpr std::size_t kTextBytesMax = 2 * 1024 * 1024;
/// Longer than any text that names an address, with the interface of a link-local one.
constexpr std::size_t kPeerBytesMax = 64;
/// A dozen proxies.
constexpr std::size_t kForwardedBytesMax = 256;

/// Of a list of addresses the last ones, each whole.
std::string_view end_of(std::string_view list) {
  if (list.size() <= kForwardedBytesMax) return list;
  list.remove_prefix(list.size() - kForwardedBytesMax);
  const auto comma = list.find(',');
  return comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
}

}  // namespace

void BehaviourNotes::add(const Note& note) {
  const auto peer = note.peer_address.substr(0, kPeerBytesMax);
  const auto forwarded = end_of(note.forwarded_for);
  const auto bytes = note.customer_id.size() + peer.size() + forwarded.size();
  if (entries_.size() == kNotesMax || texts_.size() + bytes > kTextBytesMax) {
    ++left_out_;
    return;
  }
  entries_.push_back({note.received_at, note.sale_no, static_cast<std::uint32_t>(texts_.size()),
                      static_cast<std::uint16_t>(note.customer_id.size()), static_cast<std::uint16_t>(peer.size()),
                      static_cast<std::uint16_t>(forwarded.size())});
  texts_.append(note.customer_id).append(peer).append(forwarded);
}

void BehaviourNotes::clear() {
  entries_.clear();
  texts_.clear();
  left_out_ = 0;
}

BehaviourNotes::Note BehaviourNotes::at(std::size_t index) const {
  const auto& entry = entries_[index];
  const std::string_view texts(texts_);
  const auto peer_at = std::size_t{entry.text_at} + entry.customer_bytes;
  return {entry.sale_no, entry.received_at, texts.substr(entry.text_at, entry.customer_bytes),
          texts.substr(peer_at, entry.peer_bytes), texts.substr(peer_at + entry.peer_bytes, entry.forwarded_bytes)};
}

}  // namespace flashsale::identity
