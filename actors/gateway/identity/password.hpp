#pragma once

#include "protocols/errc.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace shannon::gateway {

/// Costs of argon2id. Not below 19 MiB and 2 passes, or 7 MiB and 5.
struct password_costs {
  std::uint64_t memory = 19ull * 1024 * 1024; ///< Bytes.
  std::uint32_t passes = 2;
};

inline constexpr std::size_t password_bytes_min = 8;
inline constexpr std::size_t password_bytes_max = 1'024;

/// `$argon2id$v=19$m=…,t=…,p=1$salt$hash`, with a salt of its own.
result<std::string> hash_password(std::string_view password,
                                  const password_costs& costs);

/// Takes as long as hashing did. False also for a hash that is none.
bool is_password(std::string_view password, const std::string& hash);

} // namespace shannon::gateway
