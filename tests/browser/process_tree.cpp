#include "tests/browser/process_tree.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace shannon::test {

namespace {

struct process_line {
  std::string state;
  pid_t parent = 0;
};

/// Nothing of a process that is gone.
process_line line_of(const std::string& pid) {
  process_line out;
  std::ifstream stat{"/proc/" + pid + "/stat"};
  std::string line;
  if (!std::getline(stat, line))
    return out;
  std::istringstream rest{line.substr(line.rfind(')') + 1)};
  rest >> out.state >> out.parent;
  return out;
}

bool runs(const process_line& one) {
  return !one.state.empty() && one.state != "Z" && one.state != "X";
}

} // namespace

std::vector<pid_t> descendants_of(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  for (const auto& one : std::filesystem::directory_iterator("/proc")) {
    auto name = one.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos)
      continue;
    if (auto line = line_of(name); runs(line))
      children.emplace(line.parent, std::stoi(name));
  }
  std::vector<pid_t> out;
  std::vector<pid_t> open{root};
  while (!open.empty()) {
    auto [from, to] = children.equal_range(open.back());
    open.pop_back();
    for (; from != to; ++from) {
      open.push_back(from->second);
      out.push_back(from->second);
    }
  }
  return out;
}

bool is_running(pid_t process) {
  return runs(line_of(std::to_string(process)));
}

} // namespace shannon::test
