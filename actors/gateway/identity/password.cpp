#include "actors/gateway/identity/password.hpp"

#include "actors/gateway/identity/digest.hpp"

#include <argon2.h>

namespace shannon::gateway {

namespace {

constexpr std::uint32_t lanes = 1;
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t hash_bytes = 32;

/// What a stored hash may ask for: a row that was tampered with must not take
/// all memory.
constexpr std::uint32_t memory_kib_max = 4 * 1024 * 1024;

/// Its `m=`; 0 if there is none.
std::uint32_t memory_of(const std::string& hash) {
  constexpr std::string_view mark = "$m=";
  auto at = hash.find(mark);
  if (at == std::string::npos)
    return 0;
  std::uint64_t kib = 0;
  for (auto i = at + mark.size(); i < hash.size(); ++i) {
    if (hash[i] < '0' || hash[i] > '9')
      break;
    kib = kib * 10 + static_cast<std::uint64_t>(hash[i] - '0');
    if (kib > memory_kib_max)
      return memory_kib_max + 1;
  }
  return static_cast<std::uint32_t>(kib);
}

} // namespace

result<std::string> hash_password(std::string_view password,
                                  const password_costs& costs) {
  if (password.size() < password_bytes_min
      || password.size() > password_bytes_max)
    return fail(errc::invalid_argument,
                "expected a password of " + std::to_string(password_bytes_min)
                    + " to " + std::to_string(password_bytes_max) + " bytes");
  auto kib = static_cast<std::uint32_t>(costs.memory / 1024);
  auto salt = random_bytes(salt_bytes);
  std::string out(argon2_encodedlen(costs.passes, kib, lanes, salt_bytes,
                                    hash_bytes, Argon2_id),
                  '\0');
  auto code = argon2id_hash_encoded(costs.passes, kib, lanes, password.data(),
                                    password.size(), salt.data(), salt.size(),
                                    hash_bytes, out.data(), out.size());
  if (code != ARGON2_OK)
    return fail(errc::failed,
                std::string{"argon2id: "} + argon2_error_message(code));
  out.resize(out.find('\0'));
  return out;
}

bool is_password(std::string_view password, const std::string& hash) {
  if (password.size() > password_bytes_max)
    return false;
  auto kib = memory_of(hash);
  return kib > 0 && kib <= memory_kib_max
         && argon2id_verify(hash.c_str(), password.data(), password.size())
                == ARGON2_OK;
}

} // namespace shannon::gateway
