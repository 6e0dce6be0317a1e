#include "tests/bench/stream_load.hpp"

#include "tests/bench/stamp_reader.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace shannon::bench {

namespace {

using clock_type = std::chrono::steady_clock;

struct reader {
  int fd = -1;
  clock_type::time_point asked;
  std::string tail; ///< The last bytes, to find an end cut in two.
  stamp_reader stamps;
  int tokens = 0;
  int rounds = 0;
  bool good = false;
  bool any = false;
};

int connect_to(std::uint16_t port) {
  auto fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0)
    throw std::runtime_error{"nobody listens on " + std::to_string(port)};
  int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

class load {
public:
  explicit load(const stream_load& what)
      : what_(what), poll_(epoll_create1(0)),
        all_(static_cast<std::size_t>(what.connections)) {}

  stream_result run() {
    auto begun = clock_type::now();
    until_ = begun + what_.time;
    for (auto& one : all_) {
      one.fd = connect_to(what_.port);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = &one;
      epoll_ctl(poll_, EPOLL_CTL_ADD, one.fd, &event);
      ask(one);
    }
    // A stream that stands still for so long is lost.
    constexpr int patience_ms = 10'000;
    std::array<epoll_event, 256> events{};
    while (open_ > 0) {
      auto count = epoll_wait(poll_, events.data(), events.size(), patience_ms);
      if (count <= 0)
        break;
      for (int i = 0; i < count; ++i)
        read(*static_cast<reader*>(
            events[static_cast<std::size_t>(i)].data.ptr));
    }
    out_.failed += open_;
    out_.seconds
        = std::chrono::duration<double>(clock_type::now() - begun).count();
    for (auto& one : all_) {
      const auto& took = one.stamps.took_ms();
      out_.token_ms.insert(out_.token_ms.end(), took.begin(), took.end());
      if (one.fd >= 0)
        close(one.fd);
    }
    close(poll_);
    return std::move(out_);
  }

private:
  void ask(reader& one) {
    ++open_;
    ++one.rounds;
    one.tail.clear();
    one.tokens = 0;
    one.good = one.any = false;
    one.asked = clock_type::now();
    if (send(one.fd, what_.request.data(), what_.request.size(), MSG_NOSIGNAL)
        != static_cast<ssize_t>(what_.request.size()))
      lose(one);
  }

  void lose(reader& one) {
    ++out_.failed;
    --open_;
    close(one.fd);
    one.fd = -1;
  }

  void read(reader& one) {
    auto size = recv(one.fd, bytes_.data(), bytes_.size(), 0);
    if (size <= 0)
      return lose(one);
    std::string_view got{bytes_.data(), static_cast<std::size_t>(size)};
    if (!std::exchange(one.any, true))
      one.good = got.substr(0, 12) == "HTTP/1.1 200";
    auto tokens = static_cast<int>(std::count(got.begin(), got.end(), '~'));
    if (one.tokens == 0 && tokens > 0)
      out_.first_token_us.push_back(std::chrono::duration<double, std::micro>(
                                        clock_type::now() - one.asked)
                                        .count());
    one.stamps.take(got, clock_type::now());
    one.tokens += tokens;
    out_.tokens += static_cast<std::uint64_t>(tokens);
    one.tail += got.substr(got.size() - std::min<std::size_t>(got.size(), 8));
    one.tail.erase(0,
                   one.tail.size() - std::min<std::size_t>(one.tail.size(), 8));
    if (one.tail.ends_with("\r\n0\r\n\r\n"))
      end(one);
  }

  void end(reader& one) {
    --open_;
    one.good&& one.tokens == what_.tokens ? ++out_.streams : ++out_.failed;
    auto more = what_.rounds > 0 ? one.rounds < what_.rounds
                                 : clock_type::now() < until_;
    if (more)
      ask(one);
  }

  const stream_load& what_;
  int poll_;
  std::vector<reader> all_;
  std::uint64_t open_ = 0;
  clock_type::time_point until_;
  stream_result out_;
  std::array<char, 65536> bytes_;
};

} // namespace

stream_result run_streams(const stream_load& what) {
  return load{what}.run();
}

} // namespace shannon::bench
