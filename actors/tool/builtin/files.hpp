#pragma once

#include "actors/kit/workspace/workspace.hpp"
#include "actors/tool/parts.hpp"
#include "protocols/remote/llm.pb.h"

#include <string>

namespace shannon::tool {

/// Which workspace a call may touch: its user's of this session, or of its
/// task if it has none; users may give their sessions the same name. Copied
/// into jobs for the disk's threads.
struct workspace_key {
  std::string root;
  std::string tenant;
  std::string user;
  std::string session;
  kit::workspace_limits limits;

  workspace_key(const config::tool_settings& settings,
                const remote::EffectContext& context);

  /// Blocks on the disk.
  result<kit::workspace> open() const;
};

} // namespace shannon::tool
