#include "tests/integration/faults/tree_check.hpp"

#include <set>
#include <utility>

namespace shannon::test {

namespace {

using by_id = std::map<std::string, const run_seen*>;

std::string child_of(const std::string& parent, unsigned number) {
  return parent + "/branch-" + std::to_string(number) + "#1";
}

/// All runs that a tree consists of.
void add_runs(const std::string& root, const tree_shape& shape,
              std::set<std::string>& out) {
  out.insert(root);
  if (shape.depth == 0)
    return;
  for (unsigned i = 0; i < shape.width; ++i)
    add_runs(child_of(root, i), {shape.depth - 1, shape.width}, out);
}

void check_ends(const run_seen& run, const by_id& all,
                std::vector<std::string>& wrong) {
  if (run.ends != 1)
    wrong.push_back(run.id + ": it ended " + std::to_string(run.ends)
                    + " times");
  for (const auto& [child, outputs] : run.told) {
    auto at = all.find(child);
    if (at == all.end()) {
      wrong.push_back(run.id + ": it was told the end of " + child
                      + ", which is not there");
      continue;
    }
    if (outputs.size() != 1)
      wrong.push_back(run.id + ": it was told the end of " + child + " "
                      + std::to_string(outputs.size()) + " times");
    for (const auto& output : outputs)
      if (output != at->second->output)
        wrong.push_back(run.id + ": it was told that " + child + " gave \""
                        + output + "\", which gave \"" + at->second->output
                        + "\"");
  }
}

void check_completed(const run_seen& run, const by_id& all,
                     std::vector<std::string>& wrong) {
  if (!run.completed)
    wrong.push_back(run.id + ": it did not complete, its task did");
  if (auto parent = all.find(run.parent);
      parent != all.end() && parent->second->told.count(run.id) == 0)
    wrong.push_back(run.id + ": its end was never told");
}

} // namespace

std::size_t leaves_of(const tree_shape& shape) {
  std::size_t leaves = 1;
  for (unsigned i = 0; i < shape.depth; ++i)
    leaves *= shape.width;
  return leaves;
}

std::string_view task_of(std::string_view name) {
  return name.substr(0, name.find('/'));
}

std::vector<std::string> check_tree(const std::string& task,
                                    const tree_shape& shape,
                                    const std::vector<run_seen>& runs) {
  std::vector<std::string> wrong;
  std::set<std::string> wanted;
  add_runs(task, shape, wanted);
  by_id all;
  for (const auto& run : runs) {
    if (!all.emplace(run.id, &run).second)
      wrong.push_back(run.id + ": it is there twice");
    if (wanted.count(run.id) == 0)
      wrong.push_back(run.id + ": it is no part of the tree");
  }
  auto root = all.find(task);
  if (root == all.end()) {
    wrong.push_back(task + ": it is not there");
    return wrong;
  }
  for (const auto& run : runs) {
    if (run.id != task && all.count(run.parent) == 0)
      wrong.push_back(run.id + ": its parent is not there");
    else if (run.id != task
             && run.parent != run.id.substr(0, run.id.rfind('/')))
      wrong.push_back(run.id + ": it says that " + run.parent
                      + " is its parent");
    check_ends(run, all, wrong);
    if (root->second->completed)
      check_completed(run, all, wrong);
  }
  if (!root->second->completed)
    return wrong;
  for (const auto& id : wanted)
    if (all.count(id) == 0)
      wrong.push_back(id + ": it is not there");
  auto leaves = std::to_string(leaves_of(shape));
  if (root->second->output != leaves)
    wrong.push_back(task + ": it counts \"" + root->second->output
                    + "\" answers of " + leaves);
  return wrong;
}

} // namespace shannon::test
