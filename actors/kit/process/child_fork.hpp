#pragma once

#include <sys/types.h>

namespace shannon::kit {

/// As `fork`, but the child is the first in a pid namespace of its own: all
/// that it starts, and whatever they start, ends when it ends, also those that
/// have left its group and that nothing has bound to it yet. Without root it is
/// in a user namespace, too, where `stay_oneself` makes it who it was. In the
/// child only system calls may follow.
pid_t fork_with_descendants() noexcept;

/// In the child, with the parent's ids: system calls only, no allocation.
bool stay_oneself(uid_t user, gid_t group) noexcept;

} // namespace shannon::kit
