#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace shannon::test {

/// A network namespace of its own for the calling thread and those it starts,
/// in which every private address of the world is at hand, and what is sent to
/// any of them, or to any other place but one site, is counted by nftables.
/// Needs root, iproute2 and nftables.
class private_network {
public:
  /// Empty if it can be made here, else why not.
  static std::string obstacle();

  /// `site` is the one address that may be spoken with, at `port`.
  private_network(const std::string& site, std::uint16_t port);
  ~private_network();

  /// TCP and UDP packets that were sent anywhere else.
  std::uint64_t packets() const;
  void reset();

private:
  int before_ = -1;
};

} // namespace shannon::test
