#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// W5: a tree of child runs, held against what was promised of each. Plain
/// functions.
namespace shannon::test {

/// What the log of one run says.
struct run_seen {
  std::string id; ///< `PARENT/branch-N#1`, the root's is the task's.
  std::string parent;
  int ends = 0; ///< Facts that end it.
  bool completed = false;
  std::string output;
  /// By child: what this run was told at its end, each time.
  std::map<std::string, std::vector<std::string>> told;
};

/// Each run starts so many others, down to so many below the task.
struct tree_shape {
  unsigned depth = 0;
  unsigned width = 0;
};

/// Runs that ask the model.
std::size_t leaves_of(const tree_shape& shape);

/// The task's part of a run's or an attempt's name.
std::string_view task_of(std::string_view name);

/// What is wrong with a tree whose task has ended, in words: of every tree,
/// that a run has not ended once, or is nobody's child, or that an end was told
/// twice, or otherwise than it was; of one that is completed also that runs are
/// missing, too many or not completed, or that an end was never told.
std::vector<std::string> check_tree(const std::string& task,
                                    const tree_shape& shape,
                                    const std::vector<run_seen>& runs);

} // namespace shannon::test
