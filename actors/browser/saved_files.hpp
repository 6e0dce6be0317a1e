#pragma once

#include "actors/browser/page/page_session.hpp"
#include "actors/kit/worker_pool.hpp"
#include "actors/kit/workspace/workspace.hpp"
#include "protocols/remote/browser.pb.h"
#include "protocols/remote/llm.pb.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shannon::browser {

/// Where files of sessions are put.
struct file_place {
  std::string root; ///< Of all workspaces.
  kit::workspace_limits limits;
  std::shared_ptr<kit::worker_pool> disk;
};

/// Puts what an action gave into its owner's workspace: `screenshots/NAME`,
/// `downloads/NAME`. A run's screenshot or PDF also goes with the answer, to be
/// kept with the run. `done` is called on the disk's thread with the files and,
/// where one could not be written, why. Without an owner (a client's own
/// session) everything goes with the answer.
void save_files(
    const file_place& place, const remote::EffectContext& owner,
    std::vector<attachment> files,
    std::function<void(std::vector<remote::BrowserFile>, std::string error)>
        done);

} // namespace shannon::browser
