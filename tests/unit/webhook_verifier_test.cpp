#include "flashsale/identity/webhook_verifier.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace flashsale::identity {
namespace {

using Secrets = std::vector<std::string>;
using Verdict = WebhookVerifier::Verdict;

// The example that Standard Webhooks and its libraries are tested with.
const std::string kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const std::string kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const std::string kTimestamp = "1614265330";
const std::string kBody = R"({"test": 2432232314})";
const std::string kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
// 24 bytes of zeros.
const std::string kOther = "whsec_" + std::string(32, 'A');

TimePoint at(std::int64_t seconds) { return from_unix_us(seconds * 1'000'000); }
const TimePoint kNow = at(1614265330);

class WebhookVerifierTest : public ::testing::Test {
 protected:
  [[nodiscard]] Verdict verify(const std::string& signatures, TimePoint now = kNow) const {
    return verifier.verify(kId, kTimestamp, signatures, kBody, now);
  }
  WebhookVerifier verifier{Secrets{kSecret}, std::chrono::seconds(300)};
};

TEST_F(WebhookVerifierTest, TakesTheKnownExample) { EXPECT_EQ(verify(kSignature), Verdict::good); }

TEST_F(WebhookVerifierTest, OneOfSeveralSignaturesIsEnough) {
  EXPECT_EQ(verify("v1,AAAA v2,whatever " + kSignature + " v1,BBBB"), Verdict::good);
  std::string many;
  for (int i = 0; i < 16; ++i) many += "v1,AAAA ";
  EXPECT_EQ(verify(many + kSignature), Verdict::bad_signature) << "more than anybody needs are not looked at";
}

TEST_F(WebhookVerifierTest, OneOfSeveralSecretsIsEnough) {
  const WebhookVerifier rotated(Secrets{kOther, kSecret}, std::chrono::seconds(300));
  EXPECT_EQ(rotated.verify(kId, kTimestamp, kSignature, kBody, kNow), Verdict::good);
  const WebhookVerifier other(Secrets{kOther}, std::chrono::seconds(300));
  EXPECT_EQ(other.verify(kId, kTimestamp, kSignature, kBody, kNow), Verdict::bad_signature);
  const WebhookVerifier none(Secrets{}, std::chrono::seconds(300));
  EXPECT_FALSE(none.has_secrets());
  EXPECT_EQ(none.verify(kId, kTimestamp, kSignature, kBody, kNow), Verdict::bad_signature);
}

TEST_F(WebhookVerifierTest, EveryPartIsSigned) {
  EXPECT_EQ(verifier.verify(kId + "x", kTimestamp, kSignature, kBody, kNow), Verdict::bad_signature);
  EXPECT_EQ(verifier.verify(kId, "1614265331", kSignature, kBody, kNow), Verdict::bad_signature);
  EXPECT_EQ(verifier.verify(kId, kTimestamp, kSignature, kBody + " ", kNow), Verdict::bad_signature);
  EXPECT_EQ(verify(kSignature + "="), Verdict::bad_signature);
  EXPECT_EQ(verify(kSignature.substr(0, kSignature.size() - 1)), Verdict::bad_signature);
}

TEST_F(WebhookVerifierTest, MalformedHeaders) {
  for (const std::string signatures : {"", " ", "v1", "v2,x", "g0hM9SsE"}) {
    EXPECT_EQ(verify(signatures), Verdict::malformed) << signatures;
  }
  for (const std::string timestamp : {"", "-1", "-0", "+1614265330", " 1614265330", "1e9", "99999999999999999999"}) {
    EXPECT_EQ(verifier.verify(kId, timestamp, kSignature, kBody, kNow), Verdict::malformed) << timestamp;
  }
  // A dot would let two messages share one signature.
  for (const std::string& id : {std::string(), std::string("a b"), std::string(129, 'a'), std::string("a\n"),
                                std::string("evt.1614265330"), std::string("\xc3\xa4")}) {
    EXPECT_EQ(verifier.verify(id, kTimestamp, kSignature, kBody, kNow), Verdict::malformed) << id;
  }
  EXPECT_EQ(verifier.verify("evt:1/a+b=", kTimestamp, kSignature, kBody, kNow), Verdict::bad_signature);
}

TEST_F(WebhookVerifierTest, OldAndEarlyMessagesAreOutOfTime) {
  EXPECT_EQ(verify(kSignature, at(1614265330 + 300)), Verdict::good);
  EXPECT_EQ(verify(kSignature, at(1614265330 + 301)), Verdict::out_of_time);
  EXPECT_EQ(verify(kSignature, at(1614265330 - 300)), Verdict::good);
  EXPECT_EQ(verify(kSignature, at(1614265330 - 301)), Verdict::out_of_time);
  // The time comes first: a signature costs a look at the whole body.
  EXPECT_EQ(verify("v1,AAAA", at(1614265330 + 301)), Verdict::out_of_time);
}

TEST(WebhookSecretsTest, ThereAreFew) {
  EXPECT_NO_THROW(WebhookVerifier(Secrets(8, kOther), std::chrono::seconds(300)));
  EXPECT_THROW(WebhookVerifier(Secrets(9, kOther), std::chrono::seconds(300)), std::invalid_argument);
}

TEST(WebhookSecretsTest, UnusableOnesAreRefusedWithoutBeingQuoted) {
  for (const std::string secret : {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_AAAA",
                                   "whsec_not base64 at all!", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS"}) {
    try {
      const WebhookVerifier verifier(Secrets{kOther, secret}, std::chrono::seconds(300));
      ADD_FAILURE() << secret;
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(std::string(error.what()).find("MfKQ"), std::string::npos);
      EXPECT_NE(std::string(error.what()).find("secret 2"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace flashsale::identity
