#include "tests/bench/errands.hpp"

#include <fstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace shannon::bench {

namespace {

using namespace std::chrono_literals;

/// A signal whose answer was lost finds its run ended when it comes again.
bool is_done(int status) noexcept {
  return status == 200 || status == 404;
}

bool is_refused(int status) noexcept {
  return status == 429 || status == 503 || status == 504;
}

} // namespace

bool errands::run(load_client& clients,
                  std::chrono::steady_clock::time_point until) {
  // Who is refused tries again a little later, not at once.
  auto not_before = std::chrono::steady_clock::time_point{};
  std::string wrong;
  load_work work;
  work.next = [&]() -> std::optional<load_request> {
    if (todo_.empty() || std::chrono::steady_clock::now() < not_before)
      return {};
    auto number = todo_.front();
    todo_.pop_front();
    return load_request{post_request(paths_[number]), number};
  };
  work.answered = [&](const load_request& asked, const http_reply& reply) {
    if (is_done(reply.status)) {
      done_.push_back(paths_[asked.number]);
      took_us_.push_back(reply.took_us);
      return;
    }
    if (reply.status == 0)
      ++lost_;
    else if (is_refused(reply.status)) {
      ++refused_;
      not_before = std::chrono::steady_clock::now() + 20ms;
    } else
      wrong = paths_[asked.number] + " answered " + std::to_string(reply.status)
              + ": " + std::string{reply.body};
    todo_.push_back(asked.number);
  };
  while (left() > 0) {
    clients.run(work, until);
    if (!wrong.empty())
      throw std::runtime_error{wrong};
    if (std::chrono::steady_clock::now() >= until)
      return left() == 0;
    if (left() > 0)
      std::this_thread::sleep_for(2ms);
  }
  return true;
}

const std::map<std::string, int>& line_ledger::read() {
  std::ifstream in{file_};
  in.seekg(at_);
  std::string line;
  while (std::getline(in, line) && !in.eof()) {
    ++lines_[line];
    at_ += static_cast<std::streamoff>(line.size()) + 1;
  }
  return lines_;
}

bool line_ledger::await(std::size_t wanted, std::chrono::milliseconds most) {
  auto due = std::chrono::steady_clock::now() + most;
  while (read().size() < wanted) {
    if (std::chrono::steady_clock::now() > due)
      return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

} // namespace shannon::bench
