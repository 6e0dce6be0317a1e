#include "tests/integration/faults/failpoint_order.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace shannon::test {

failpoint_order::failpoint_order() {
  std::string name = "/tmp/shannon-order-XXXXXX";
  int file = ::mkstemp(name.data());
  if (file < 0 || ::ftruncate(file, sizeof *board_) != 0)
    throw std::runtime_error{"cannot make a file for orders"};
  file_ = name;
  auto* place = ::mmap(nullptr, sizeof *board_, PROT_READ | PROT_WRITE,
                       MAP_SHARED, file, 0);
  ::close(file);
  if (place == MAP_FAILED)
    throw std::runtime_error{"cannot share orders"};
  board_ = static_cast<kit::failpoint_board*>(place);
}

failpoint_order::~failpoint_order() {
  if (board_)
    ::munmap(board_, sizeof *board_);
  if (!file_.empty())
    ::unlink(file_.c_str());
}

failpoint_order::failpoint_order(failpoint_order&& other) noexcept
    : file_(std::exchange(other.file_, {})),
      board_(std::exchange(other.board_, nullptr)) {}

std::string failpoint_order::environment() const {
  return "SHANNON_FAILPOINTS_BOARD=" + file_;
}

void failpoint_order::give(const std::string& order) {
  if (order.size() >= board_->orders.size())
    throw std::runtime_error{"an order of more than "
                             + std::to_string(board_->orders.size() - 1)
                             + " bytes: " + order};
  *std::copy(order.begin(), order.end(), board_->orders.begin()) = '\0';
  ++std::atomic_ref{board_->edition};
}

} // namespace shannon::test
