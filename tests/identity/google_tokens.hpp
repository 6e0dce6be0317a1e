#pragma once

#include "actors/gateway/identity/digest.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace shannon::test {

/// Signs ID tokens as Google does, with a key of its own.
class google_signer {
public:
  explicit google_signer(std::string kid, unsigned bits = 2'048)
      : kid_(std::move(kid)), key_(EVP_RSA_gen(bits), EVP_PKEY_free) {
    REQUIRE(key_);
  }

  /// Its public part, as in a JWK Set.
  nlohmann::json jwk() const {
    return {{"kty", "RSA"},
            {"use", "sig"},
            {"alg", "RS256"},
            {"kid", kid_},
            {"n", number(OSSL_PKEY_PARAM_RSA_N)},
            {"e", number(OSSL_PKEY_PARAM_RSA_E)}};
  }
  std::string jwk_set() const {
    return nlohmann::json{{"keys", {jwk()}}}.dump();
  }

  nlohmann::json header() const {
    return {{"alg", "RS256"}, {"kid", kid_}, {"typ", "JWT"}};
  }

  std::string sign(const nlohmann::json& header,
                   const nlohmann::json& claims) const {
    auto text = gateway::to_base64url(header.dump()) + "."
                + gateway::to_base64url(claims.dump());
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(),
                                                               EVP_MD_CTX_free};
    std::size_t size = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    REQUIRE(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr,
                               key_.get())
            == 1);
    REQUIRE(EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size())
            == 1);
    std::string signature(size, '\0');
    REQUIRE(EVP_DigestSign(context.get(),
                           reinterpret_cast<unsigned char*>(signature.data()),
                           &size, bytes, text.size())
            == 1);
    signature.resize(size);
    return text + "." + gateway::to_base64url(signature);
  }
  std::string sign(const nlohmann::json& claims) const {
    return sign(header(), claims);
  }

private:
  std::string number(const char* name) const {
    BIGNUM* got = nullptr;
    REQUIRE(EVP_PKEY_get_bn_param(key_.get(), name, &got) == 1);
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(got)), '\0');
    BN_bn2bin(got, reinterpret_cast<unsigned char*>(bytes.data()));
    BN_free(got);
    return gateway::to_base64url(bytes);
  }

  std::string kid_;
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
};

inline const std::string google_client = "shannon.apps.example.com";

/// Of a token that is good at `now`, for an hour.
inline nlohmann::json google_claims(const std::string& subject,
                                    const std::string& email,
                                    std::int64_t now) {
  return {{"iss", "https://accounts.google.com"},
          {"aud", google_client},
          {"azp", google_client},
          {"sub", subject},
          {"email", email},
          {"email_verified", true},
          {"name", "Ada Lovelace"},
          {"picture", "https://pictures.example.com/ada"},
          {"iat", now},
          {"exp", now + 3'600}};
}

} // namespace shannon::test
