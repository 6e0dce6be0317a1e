#pragma once

#include <array>
#include <cstdint>

namespace shannon::kit {

/// The file that `SHANNON_FAILPOINTS_BOARD` names, if any: what is ordered of a
/// process that runs. It takes the place of all that was ordered before, and
/// passes are counted anew.
struct failpoint_board {
  std::uint64_t edition; ///< Raised, atomically, once `orders` are written.
  std::array<char, 248> orders; ///< As in the environment, ended by a null.
};

} // namespace shannon::kit
