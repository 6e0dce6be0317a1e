#include "tests/integration/faults/moved_clock.hpp"

#include <atomic>
#include <stdexcept>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace shannon::test {

bool moved_clock::possible() {
  return *MOVED_CLOCK_LIBRARY != '\0';
}

moved_clock::moved_clock() {
  std::string name = "/tmp/shannon-clock-XXXXXX";
  int file = ::mkstemp(name.data());
  if (file < 0 || ::ftruncate(file, sizeof *offset_us_) != 0)
    throw std::runtime_error{"cannot make a file for a clock"};
  file_ = name;
  auto* place = ::mmap(nullptr, sizeof *offset_us_, PROT_READ | PROT_WRITE,
                       MAP_SHARED, file, 0);
  ::close(file);
  if (place == MAP_FAILED)
    throw std::runtime_error{"cannot share a clock"};
  offset_us_ = static_cast<std::int64_t*>(place);
}

moved_clock::~moved_clock() {
  if (offset_us_)
    ::munmap(offset_us_, sizeof *offset_us_);
  if (!file_.empty())
    ::unlink(file_.c_str());
}

moved_clock::moved_clock(moved_clock&& other) noexcept
    : file_(std::exchange(other.file_, {})),
      offset_us_(std::exchange(other.offset_us_, nullptr)) {}

std::vector<std::string> moved_clock::environment() const {
  return {std::string{"LD_PRELOAD="} + MOVED_CLOCK_LIBRARY,
          "MOVED_CLOCK=" + file_};
}

void moved_clock::move(std::int64_t us) {
  std::atomic_ref{*offset_us_}.store(us);
}

} // namespace shannon::test
