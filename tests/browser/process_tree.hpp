#pragma once

#include <sys/types.h>
#include <vector>

namespace shannon::test {

/// Processes that have this one, or a descendant of it, as a parent.
std::vector<pid_t> descendants_of(pid_t root);

/// Not gone, and no zombie.
bool is_running(pid_t process);

} // namespace shannon::test
