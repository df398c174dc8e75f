#pragma once
#include <chrono>
#include <string>

namespace flashsale::events {

/// What holds for all endpoints that events are sent to.
struct WebhookOptions {
  std::string source;                           ///< of the events
  bool allow_private = false;                   ///< they may be inside of the shop's own network, too
  bool allow_http = false;                      ///< and be spoken to in the clear
  std::string ca_file;                          ///< certificates that are trusted; empty: the system's
  std::chrono::seconds disable_after{432'000};  ///< without a success for so long: it is switched off
};

}  // namespace flashsale::events
