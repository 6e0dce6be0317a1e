#include "actors/kit/failpoint.hpp"

#include "actors/kit/failpoint_board.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
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

using orders = std::deque<order>;

std::shared_ptr<orders> read_orders(const char* wanted) {
  auto out = std::make_shared<orders>();
  auto& all = *out;
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
  return out;
}

/// Null if none is named.
failpoint_board* find_board() {
  const char* name = std::getenv("SHANNON_FAILPOINTS_BOARD");
  if (!name)
    return nullptr;
  int file = ::open(name, O_RDWR | O_CLOEXEC);
  auto* place = ::mmap(nullptr, sizeof(failpoint_board), PROT_READ | PROT_WRITE,
                       MAP_SHARED, file, 0);
  ::close(file);
  if (place == MAP_FAILED)
    refuse(name);
  return static_cast<failpoint_board*>(place);
}

/// What is ordered now.
class standing_orders {
public:
  std::shared_ptr<orders> current() {
    std::lock_guard guard{mutex_};
    if (board_)
      if (auto now = std::atomic_ref{board_->edition}.load(); now != seen_) {
        seen_ = now;
        all_ = read_orders(board_->orders.data());
      }
    return all_;
  }

private:
  std::mutex mutex_;
  std::shared_ptr<orders> all_ = read_orders(std::getenv("SHANNON_FAILPOINTS"));
  failpoint_board* board_ = find_board();
  std::uint64_t seen_ = 0;
};

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
  static standing_orders standing;
  auto all = standing.current();
  for (auto& one : *all) {
    if (one.name != name)
      continue;
    auto pass = ++one.passes;
    if (pass == one.pass || (one.again && pass % one.pass == 0))
      carry_out(one, pass);
  }
}

} // namespace shannon::kit
