#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flashsale/identity/token_verifier.hpp"

namespace flashsale::load {

/// The tokens of all buyers, HS256 or ES256. They differ only in the digits of the buyer's number, which stand where
/// they are whole groups of base64, and in the signature: 32 or 64 bytes a buyer are kept, and a token is put together
/// when a request is. Signed once up front: an HMAC takes about a microsecond, an ES256 signature some thirty.
class TokenMint {
 public:
  /// Signs on `threads` threads, with the secret of `options` or, unless it is empty, the private key `es256_key_pem`.
  /// Throws std::invalid_argument for a secret that is too short and a key that is none.
  TokenMint(const identity::TokenOptions& options, std::uint32_t buyers, std::chrono::system_clock::time_point now,
            std::chrono::seconds lifetime, unsigned threads, const std::string& es256_key_pem = {});

  void append_token(std::string& out, std::uint32_t buyer) const;

 private:
  template <class Signer>
  void sign(Signer signer, std::uint32_t first, std::uint32_t step);
  void write_signed_text(std::uint32_t buyer, char* out) const;

  std::string signed_text_;  ///< header.payload of buyer 0
  std::size_t digits_at_ = 0;
  std::size_t signature_bytes_;
  std::vector<unsigned char> signatures_;  ///< one behind the other
};

}  // namespace flashsale::load
