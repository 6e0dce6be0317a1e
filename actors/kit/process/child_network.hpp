#pragma once

#include "actors/kit/workspace/owned_fd.hpp"
#include "protocols/errc.hpp"

#include <cstdint>
#include <vector>

namespace shannon::kit {

/// How listening sockets come from a child in a network namespace of its own:
/// a socket stays in the namespace it was made in, whoever holds it.
struct listener_pair {
  owned_fd parent;
  owned_fd child;
};

inline constexpr std::uint32_t listeners_max = 128;

/// Both ends closed if `count` is 0; more than `listeners_max` is refused.
result<listener_pair> listener_channel(std::uint32_t count);
/// What the child has sent; empty if nothing. Does not wait.
std::vector<owned_fd> receive_listeners(const listener_pair& from);

// -- between fork and exec: system calls only, no allocation; false sets errno

/// The calling process goes to a network namespace with nothing but loopback.
bool enter_own_network() noexcept;
/// Makes sockets that listen on loopback here, and hands them to the parent.
bool send_listeners(int over, std::uint32_t count) noexcept;

} // namespace shannon::kit
