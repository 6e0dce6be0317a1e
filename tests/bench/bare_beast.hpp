#pragma once

#include <cstdint>
#include <memory>

namespace shannon::bench {

/// What Beast alone can do on one thread: answers every request with the same
/// small body, and checks, limits and counts nothing. The yardstick of our own
/// server.
class bare_beast {
public:
  bare_beast();
  ~bare_beast();

  std::uint16_t port() const noexcept;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace shannon::bench
