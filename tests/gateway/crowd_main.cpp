// Many clients that do what they are told: `crowd PORT`. An order is a letter,
// a length and a text on stdin, its answer a number on stdout.

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <netinet/in.h>
#include <string>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

constexpr auto patience = 60s;
constexpr std::uint32_t addresses = 40;
/// Kept of what a client has heard: its end.
constexpr std::size_t heard_max = 2'048;

struct client {
  int socket = -1;
  std::string heard;
};

class clients {
public:
  explicit clients(std::uint16_t port) : port_(port) {}

  std::uint64_t connect(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      client one;
      one.socket = ::socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in at{};
      at.sin_family = AF_INET;
      at.sin_addr.s_addr
          = htonl(INADDR_LOOPBACK + 1
                  + static_cast<std::uint32_t>(all_.size()) % addresses);
      int on = 1;
      ::setsockopt(one.socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
                   sizeof on);
      ::bind(one.socket, reinterpret_cast<sockaddr*>(&at), sizeof at);
      at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      at.sin_port = htons(port_);
      if (::connect(one.socket, reinterpret_cast<sockaddr*>(&at), sizeof at)
          != 0) {
        ::close(one.socket);
        return open_;
      }
      ++open_;
      epoll_event what{};
      what.events = EPOLLIN;
      what.data.u64 = all_.size();
      ::epoll_ctl(poll_, EPOLL_CTL_ADD, one.socket, &what);
      all_.push_back(std::move(one));
    }
    return open_;
  }

  std::uint64_t send(const std::string& bytes) {
    hear(0);
    std::uint64_t told = 0;
    for (auto& one : all_)
      told += one.socket >= 0
              && ::send(one.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL)
                     == static_cast<ssize_t>(bytes.size());
    return told;
  }

  std::uint64_t await(const std::string& mark) {
    auto until = clock_type::now() + patience;
    auto has_heard = [&](const client& one) {
      return one.heard.find(mark) != std::string::npos;
    };
    while (clock_type::now() < until) {
      bool all = true;
      for (const auto& one : all_)
        all = all && (one.socket < 0 || has_heard(one));
      if (all)
        break;
      hear(100);
    }
    auto heard = count(mark);
    for (auto& one : all_)
      one.heard.clear();
    return heard;
  }

  std::uint64_t await_end(const std::string& mark) {
    auto until = clock_type::now() + patience;
    while (open_ > 0 && clock_type::now() < until)
      hear(100);
    return open_ > 0 ? 0 : count(mark);
  }

private:
  std::uint64_t count(const std::string& mark) const {
    std::uint64_t heard = 0;
    for (const auto& one : all_)
      heard += one.heard.find(mark) != std::string::npos;
    return heard;
  }

  /// Everything that has come; waits so long for the first of it.
  void hear(int wait_ms) {
    std::array<epoll_event, 512> ready{};
    std::array<char, 8'192> bytes{};
    for (;;) {
      auto count = ::epoll_wait(poll_, ready.data(), ready.size(), wait_ms);
      if (count <= 0)
        return;
      wait_ms = 0;
      for (int i = 0; i < count; ++i) {
        auto& one = all_[ready[static_cast<std::size_t>(i)].data.u64];
        auto size = ::recv(one.socket, bytes.data(), bytes.size(), 0);
        if (size <= 0) {
          ::close(one.socket);
          one.socket = -1;
          --open_;
          continue;
        }
        one.heard.append(bytes.data(), static_cast<std::size_t>(size));
        if (one.heard.size() > heard_max)
          one.heard.erase(0, one.heard.size() - heard_max);
      }
    }
  }

  std::uint16_t port_;
  int poll_ = ::epoll_create1(0);
  std::vector<client> all_;
  std::uint64_t open_ = 0;
};

bool read_all(char* into, std::size_t size) {
  while (size > 0) {
    auto got = ::read(STDIN_FILENO, into, size);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    into += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2)
    return 2;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  clients all{static_cast<std::uint16_t>(std::atoi(argv[1]))};
  for (;;) {
    char what = 0;
    std::uint32_t size = 0;
    if (!read_all(&what, 1)
        || !read_all(reinterpret_cast<char*>(&size), sizeof size))
      return 0;
    std::string text(size, '\0');
    if (!read_all(text.data(), size))
      return 0;
    std::uint64_t answer = 0;
    switch (what) {
    case 'c':
      answer = all.connect(std::strtoul(text.c_str(), nullptr, 10));
      break;
    case 's':
      answer = all.send(text);
      break;
    case 'a':
      answer = all.await(text);
      break;
    case 'e':
      answer = all.await_end(text);
      break;
    default:
      return 2;
    }
    if (::write(STDOUT_FILENO, &answer, sizeof answer) != sizeof answer)
      return 0;
  }
}
