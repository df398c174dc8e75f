#pragma once
#include <string>

#include "flashsale/identity/token_verifier.hpp"

namespace flashsale::api {

/// The shop page of the public listener (settings shop.…).
struct ShopOptions {
  bool enabled = false;
  /// Gives a buyer's token, and a payment's message, to whoever asks from this machine: to try the page out.
  bool demo = false;
  identity::TokenOptions tokens;    ///< that a demo's tokens are signed by
  std::string demo_webhook_secret;  ///< that a demo's payments are signed by; empty: nobody pays
};

}  // namespace flashsale::api
