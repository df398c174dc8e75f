#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/identity/token_verifier.hpp"

namespace flashsale::load {

/// The HS256 tokens of all buyers. They differ only in the digits of the buyer's number, which stand where they are
/// whole groups of base64, and in the signature: 32 bytes a buyer are kept, and a token is put together when a request
/// is. Signed once up front with a reused HMAC context, about a microsecond each.
class TokenMint {
 public:
  /// Throws std::invalid_argument for a secret that is too short. Signs on `threads` threads.
  TokenMint(const identity::TokenOptions& options, std::uint32_t buyers, std::chrono::system_clock::time_point now,
            std::chrono::seconds lifetime, unsigned threads);

  void append_token(std::string& out, std::uint32_t buyer) const;

 private:
  using Signature = std::array<unsigned char, 32>;

  void sign(std::string_view secret, std::uint32_t first, std::uint32_t step);
  void write_signed_text(std::uint32_t buyer, char* out) const;

  std::string signed_text_;  ///< header.payload of buyer 0
  std::size_t digits_at_ = 0;
  std::vector<Signature> signatures_;
};

}  // namespace flashsale::load
