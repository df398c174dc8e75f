#include "hmac.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "flashsale/model/check.hpp"

namespace flashsale::identity {

std::array<unsigned char, 32> hmac_sha256(std::string_view key, std::string_view content) {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  const auto* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                          reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest.data(), &size);
  FLASHSALE_CHECK(done != nullptr && size == digest.size());
  return digest;
}

}  // namespace flashsale::identity
