#include "actors/gateway/identity/google_token.hpp"

#include "actors/gateway/identity/digest.hpp"
#include "actors/gateway/identity/token_parts.hpp"
#include "actors/kit/http_text.hpp"

#include <nlohmann/json.hpp>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace shannon::gateway {

namespace {

using json = nlohmann::json;
using namespace std::chrono_literals;

constexpr std::string_view algorithm = "RS256";
constexpr std::array<std::string_view, 2> issuers{"https://accounts.google.com",
                                                  "accounts.google.com"};
constexpr std::size_t keys_max = 16;
constexpr int key_bits_min = 2'048;
constexpr int key_bits_max = 8'192;
constexpr std::size_t picture_bytes_max = 2'048;
/// Google's last an hour; a longer one is none of them.
constexpr std::chrono::hours lifetime_max{24};

template <class T, void (*Free)(T*)>
struct freed {
  void operator()(T* what) const noexcept {
    Free(what);
  }
};
template <class T, void (*Free)(T*)>
using owned = std::unique_ptr<T, freed<T, Free>>;

using big_number = owned<BIGNUM, BN_free>;
using evp_key = owned<EVP_PKEY, EVP_PKEY_free>;
using evp_key_context = owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using evp_digest_context = owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using param_builder = owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using params = owned<OSSL_PARAM, OSSL_PARAM_free>;

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

tl::unexpected<error> refuse(const char* why) {
  return fail(errc::denied, why);
}

/// Null if it is not there or no number.
big_number number_in(const json& from, const char* name) {
  std::string text;
  std::string bytes;
  if (!read_claim(from, name, text, 2 * key_bits_max / 8)
      || !from_base64url(text, bytes))
    return nullptr;
  return big_number{
      BN_bin2bn(raw(bytes), static_cast<int>(bytes.size()), nullptr)};
}

evp_key key_of(const BIGNUM* modulus, const BIGNUM* exponent) {
  param_builder builder{OSSL_PARAM_BLD_new()};
  if (!builder
      || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus)
             != 1
      || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent)
             != 1)
    return nullptr;
  params all{OSSL_PARAM_BLD_to_param(builder.get())};
  evp_key_context maker{EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr)};
  EVP_PKEY* made = nullptr;
  if (!all || !maker || EVP_PKEY_fromdata_init(maker.get()) != 1
      || EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_PUBLIC_KEY, all.get())
             != 1)
    return nullptr;
  return evp_key{made};
}

bool says(const json& from, const char* name, std::string_view only) {
  auto at = from.find(name);
  return at == from.end() || *at == only;
}

} // namespace

class rsa_key {
public:
  explicit rsa_key(evp_key key) : key_(std::move(key)) {}

  bool has_signed(std::string_view text, std::string_view signature) const {
    evp_digest_context context{EVP_MD_CTX_new()};
    auto good = context
                && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(),
                                        nullptr, key_.get())
                       == 1
                && EVP_DigestVerify(context.get(), raw(signature),
                                    signature.size(), raw(text), text.size())
                       == 1;
    // What was wrong with it must not be taken for what the next user of
    // OpenSSL on this thread did.
    ERR_clear_error();
    return good;
  }

private:
  evp_key key_;
};

namespace {

rsa_key_ptr key_in(const json& one) {
  if (!one.is_object() || one.value("kty", json{}) != "RSA"
      || !says(one, "use", "sig") || !says(one, "alg", algorithm))
    return nullptr;
  auto modulus = number_in(one, "n");
  auto exponent = number_in(one, "e");
  if (!modulus || !exponent || BN_num_bits(modulus.get()) < key_bits_min
      || BN_num_bits(modulus.get()) > key_bits_max || !BN_is_odd(exponent.get())
      || BN_num_bits(exponent.get()) > 64)
    return nullptr;
  auto key = key_of(modulus.get(), exponent.get());
  return key ? std::make_shared<const rsa_key>(std::move(key)) : nullptr;
}

} // namespace

result<google_key_set> parse_google_keys(std::string_view text) {
  auto all = json::parse(text, nullptr, false);
  auto listed = all.is_object() ? all.find("keys") : all.end();
  if (!all.is_object() || listed == all.end() || !listed->is_array())
    return fail(errc::failed, "expected a JWK Set, found none");
  google_key_set out;
  for (const auto& one : *listed) {
    std::string id;
    if (!one.is_object() || out.size() == keys_max
        || !read_claim(one, "kid", id))
      continue;
    if (auto key = key_in(one))
      out.emplace(std::move(id), std::move(key));
  }
  if (out.empty())
    return fail(errc::failed, "expected RSA keys for RS256, found none");
  return out;
}

std::string key_id_of(std::string_view token) {
  std::string id;
  auto parts = split_token(token);
  if (!parts || !read_claim(parts->header, "kid", id))
    id.clear();
  return id;
}

result<google_person>
verify_google_token(std::string_view text, const rsa_key& key,
                    const std::string& client,
                    std::chrono::system_clock::time_point now,
                    std::chrono::milliseconds leeway) {
  auto parts = split_token(text);
  if (!parts)
    return tl::unexpected<error>{std::move(parts.error())};
  std::string alg;
  if (!read_claim(parts->header, "alg", alg) || alg != algorithm)
    return refuse("alg");
  // What it holds must be understood, and nothing of it is (RFC 7515, 4.1.11).
  if (parts->header.contains("crit"))
    return refuse("crit");
  if (!key.has_signed(parts->signed_, parts->signature))
    return refuse("signature");

  const auto& body = parts->body;
  std::string issuer;
  if (!read_claim(body, "iss", issuer)
      || std::find(issuers.begin(), issuers.end(), issuer) == issuers.end())
    return refuse("iss");
  std::string audience;
  if (client.empty() || !read_claim(body, "aud", audience)
      || audience != client)
    return refuse("aud");
  google_person out;
  if (!read_claim(body, "sub", out.subject, 255))
    return refuse("sub");
  auto verified = body.find("email_verified");
  if (!read_claim(body, "email", out.email, 256) || verified == body.end()
      || *verified != true)
    return refuse("email");
  if (!read_claim(body, "name", out.name, 256))
    out.name.clear();
  if (!read_claim(body, "picture", out.picture, picture_bytes_max))
    out.picture.clear();

  std::int64_t issued = 0;
  std::int64_t expires = 0;
  if (!read_claim(body, "iat", issued) || !read_claim(body, "exp", expires))
    return refuse("iat or exp");
  // Not in the clock's own unit: nanoseconds end in the year 2262.
  auto at = std::chrono::floor<std::chrono::milliseconds>(now);
  if (moment_of(expires) + leeway <= at)
    return refuse("expired");
  if (moment_of(issued) > at + leeway)
    return refuse("not yet");
  if (expires <= issued
      || moment_of(expires) - moment_of(issued) > lifetime_max)
    return refuse("lifetime");
  return out;
}

std::chrono::seconds good_for(std::string_view cache_control,
                              std::string_view age) {
  auto seconds_in = [](std::string_view text) {
    std::uint32_t out = 0;
    auto [end, failed]
        = std::from_chars(text.data(), text.data() + text.size(), out);
    return failed == std::errc{} && end == text.data() + text.size() ? out : 0;
  };
  std::int64_t out = 0;
  while (!cache_control.empty()) {
    auto comma = cache_control.find(',');
    auto one = kit::lower_letters(kit::trimmed(cache_control.substr(0, comma)));
    if (one == "no-store" || one == "no-cache")
      return 0s;
    if (one.starts_with("max-age="))
      out = seconds_in(std::string_view{one}.substr(8));
    cache_control = comma == std::string_view::npos
                        ? std::string_view{}
                        : cache_control.substr(comma + 1);
  }
  return std::chrono::seconds{
      std::max<std::int64_t>(0, out - seconds_in(kit::trimmed(age)))};
}

} // namespace shannon::gateway
