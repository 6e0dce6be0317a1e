#include "tests/integration/faults/node_figures.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <sys/prctl.h>
#include <unistd.h>

namespace shannon::test {

namespace {

/// Gauges of what goes on. A connection may be kept by a client.
constexpr const char* live[]
    = {"shannon_run_active",
       "shannon_dispatch_effects{",
       "shannon_store_appends_wait",
       "shannon_llm_calls_running",
       "shannon_llm_calls_waiting",
       "shannon_tool_running_runs",
       "shannon_tool_waiting_runs",
       "shannon_gateway_streams{",
       "shannon_run_intake{kind=\"workflow\",what=\"at_work\"}"};

std::string_view name_of(std::string_view series) {
  return series.substr(0, series.find('{'));
}

bool counts_up(std::string_view series) {
  auto name = name_of(series);
  return name.ends_with("_total") || name.ends_with("_count")
         || name.ends_with("_bucket");
}

struct seen_process {
  pid_t pid = 0;
  pid_t parent = 0;
  std::string name;
};

/// All that have not ended.
std::vector<seen_process> all_processes() {
  std::vector<seen_process> all;
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator{"/proc", ignored}) {
    auto pid = std::atoi(entry.path().filename().c_str());
    if (pid == 0)
      continue;
    std::ifstream file{entry.path() / "stat"};
    std::string text;
    std::getline(file, text, '\0'); // Nothing, if it has just ended.
    auto open = text.find('(');
    auto close = text.rfind(')'); // A name may hold anything.
    if (open == text.npos || close == text.npos || close + 4 >= text.size()
        || text[close + 2] == 'Z')
      continue;
    all.push_back({pid, std::atoi(text.c_str() + close + 4),
                   text.substr(open + 1, close - open - 1)});
  }
  return all;
}

/// `socket`, `pipe`, `anon_inode:[eventfd]`, or `file` for all that has a path.
std::string kind_of(const std::string& target) {
  auto colon = target.find(':');
  if (target.starts_with('/') || colon == target.npos)
    return "file";
  return target.starts_with("anon_inode") ? target : target.substr(0, colon);
}

/// Inodes of the sockets of this machine that are connected to the port, as
/// `/proc/PID/fd` names them.
std::set<std::string> sockets_to(std::uint16_t port) {
  std::set<std::string> out;
  char wanted[] = "0100007F:0000";
  std::snprintf(wanted, sizeof wanted, "0100007F:%04X", port);
  std::ifstream file{"/proc/net/tcp"};
  std::string line;
  std::getline(file, line); // The head.
  while (std::getline(file, line)) {
    std::istringstream words{line};
    std::string number, local, remote, state, queues, timer, retries, uid,
        timeout, inode;
    if (words >> number >> local >> remote >> state >> queues >> timer
            >> retries >> uid >> timeout >> inode
        && remote == wanted)
      out.insert("socket:[" + inode + "]");
  }
  return out;
}

std::string to_text(const std::map<std::string, std::size_t>& kinds) {
  std::string out;
  for (const auto& [kind, count] : kinds)
    out += (out.empty() ? "" : ", ") + kind + " " + std::to_string(count);
  return out;
}

std::string to_text(const seen_process& one) {
  return std::to_string(one.pid) + " " + one.name;
}

} // namespace

figures read_figures(std::string_view page) {
  figures all;
  while (!page.empty()) {
    auto line = page.substr(0, page.find('\n'));
    page.remove_prefix(std::min(line.size() + 1, page.size()));
    auto space = line.rfind(' ');
    if (line.empty() || line[0] == '#' || space == line.npos)
      continue;
    all[std::string{line.substr(0, space)}]
        = std::strtod(std::string{line.substr(space + 1)}.c_str(), nullptr);
  }
  return all;
}

std::vector<std::string> under_way(const figures& at_rest) {
  std::vector<std::string> out;
  for (const auto* name : live)
    for (auto at = at_rest.lower_bound(name);
         at != at_rest.end() && at->first.starts_with(name); ++at)
      if (at->second != 0)
        out.push_back(at->first + " is "
                      + std::to_string(std::lround(at->second)));
  return out;
}

std::vector<std::string> gone_back(const figures& before,
                                   const figures& after) {
  std::vector<std::string> out;
  for (const auto& [series, value] : before) {
    if (!counts_up(series))
      continue;
    auto at = after.find(series);
    if (at == after.end())
      out.push_back(series + " is there no more");
    else if (at->second < value)
      out.push_back(series + " went from " + std::to_string(value) + " to "
                    + std::to_string(at->second));
  }
  return out;
}

holdings holdings_of(pid_t process, std::uint16_t port) {
  holdings out;
  auto apart = port != 0 ? sockets_to(port) : std::set<std::string>{};
  std::error_code ignored;
  using walk = std::filesystem::directory_iterator;
  for (const auto& entry :
       walk{"/proc/" + std::to_string(process) + "/fd", ignored}) {
    auto target = std::filesystem::read_symlink(entry.path(), ignored).string();
    if (apart.count(target) != 0) {
      ++out.connections;
      continue;
    }
    ++out.descriptors;
    ++out.kinds[kind_of(target)];
  }
  auto all = all_processes();
  std::vector<pid_t> above{process};
  while (!above.empty()) {
    auto parent = above.back();
    above.pop_back();
    for (const auto& one : all)
      if (one.parent == parent) {
        above.push_back(one.pid);
        out.children.push_back(to_text(one));
      }
  }
  return out;
}

std::vector<std::string> kept(const holdings& fresh, const holdings& at_rest,
                              std::size_t spare) {
  std::vector<std::string> out;
  for (const auto& one : at_rest.children)
    out.push_back("process " + one + " is there still");
  auto most = fresh.descriptors + fresh.descriptors / 20 + spare;
  if (at_rest.descriptors > most)
    out.push_back(std::to_string(at_rest.descriptors) + " descriptors, "
                  + std::to_string(fresh.descriptors) + " when it was new; "
                  + to_text(at_rest.kinds) + ", then " + to_text(fresh.kinds));
  return out;
}

void adopt_orphans() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

std::vector<std::string> orphans(const std::vector<pid_t>& known,
                                 const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const auto& one : all_processes()) {
    auto is_known
        = std::find(known.begin(), known.end(), one.pid) != known.end()
          || std::find(names.begin(), names.end(), one.name) != names.end();
    if (one.parent == ::getpid() && !is_known)
      out.push_back(to_text(one));
  }
  return out;
}

} // namespace shannon::test
