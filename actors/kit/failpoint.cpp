#include "actors/kit/failpoint.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace shannon::kit {

namespace {

/// `NAME=ACTION@N` at the Nth pass, once; `NAME=ACTION%N` at every Nth.
struct order {
  std::string name;
  std::string action; ///< kill, stop, throw
  long pass = 1;
  bool again = false;
  std::atomic<long> passes{0};
};

[[noreturn]] void refuse(const std::string& text) {
  std::fprintf(stderr,
               "SHANNON_FAILPOINTS: NAME=kill|stop|throw@N or %%N expected, "
               "found %s\n",
               text.c_str());
  _exit(2);
}

std::deque<order> read_orders() {
  std::deque<order> all;
  const char* wanted = std::getenv("SHANNON_FAILPOINTS");
  std::istringstream items{wanted ? wanted : ""};
  for (std::string item; std::getline(items, item, ',');) {
    auto equals = item.find('=');
    auto count = item.find_first_of("@%");
    if (equals == item.npos || count == item.npos || count < equals)
      refuse(item);
    auto& one = all.emplace_back();
    one.name = item.substr(0, equals);
    one.action = item.substr(equals + 1, count - equals - 1);
    one.pass = std::atol(item.c_str() + count + 1);
    one.again = item[count] == '%';
    if (one.pass < 1
        || (one.action != "kill" && one.action != "stop"
            && one.action != "throw"))
      refuse(item);
  }
  return all;
}

void carry_out(const order& what, long pass) {
  auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  std::string line = "failpoint " + what.name + ": " + what.action + " at pass "
                     + std::to_string(pass) + ", unix us "
                     + std::to_string(now.count()) + "\n";
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0)
    return;
  if (what.action == "throw")
    throw std::runtime_error{"failpoint " + what.name};
  ::kill(::getpid(), what.action == "kill" ? SIGKILL : SIGSTOP);
}

} // namespace

void failpoint(std::string_view name) {
  static auto orders = read_orders();
  for (auto& one : orders) {
    if (one.name != name)
      continue;
    auto pass = ++one.passes;
    if (pass == one.pass || (one.again && pass % one.pass == 0))
      carry_out(one, pass);
  }
}

} // namespace shannon::kit
