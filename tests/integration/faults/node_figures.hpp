#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// What a node shows of itself while it is at rest and over its life, and what
/// of it is wrong, in words.
namespace shannon::test {

/// `/metrics`, by series.
using figures = std::map<std::string, double>;

figures read_figures(std::string_view page);

/// I22: what all clients have sent has ended, so nothing counts as under way.
std::vector<std::string> under_way(const figures& at_rest);

/// I22: counters that are lower than they were in the same process.
std::vector<std::string> gone_back(const figures& before, const figures& after);

/// What a process holds that others could lack. I18.
struct holdings {
  std::size_t descriptors = 0;       ///< But for `connections`.
  std::vector<std::string> children; ///< Pid and name of each, and of theirs.
  /// Of the descriptors, `socket` and the like.
  std::map<std::string, std::size_t> kinds{};
  /// To the port that was named: such are kept for the next call.
  std::size_t connections = 0;
};

/// `port`: of 127.0.0.1, where connections are counted apart; 0 for none.
holdings holdings_of(pid_t process, std::uint16_t port = 0);

/// I18: at rest a node holds no process, and as many descriptors as when it
/// was new, but for `spare` and 5 %.
std::vector<std::string> kept(const holdings& fresh, const holdings& at_rest,
                              std::size_t spare);

/// From here on whoever loses its parent, of all that this process starts,
/// is found by `orphans`.
void adopt_orphans();

/// Children that live, are none of `known`, and bear none of these names.
std::vector<std::string> orphans(const std::vector<pid_t>& known,
                                 const std::vector<std::string>& names);

} // namespace shannon::test
