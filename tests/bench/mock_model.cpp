// mock_model: a model provider that costs as little as can be, so that what
// stands before it can be measured. Speaks OpenAI's chat completions, prints
// `listening PORT`, ends by a signal. A request that wants a stream gets
// `[[tokens:N:PAUSE_US]]` of its text: N tokens, each flushed on its own, so
// many microseconds apart. Each token holds one `~`; where `[[stamps]]` stands
// in the text, the time it was sent, too (stamp_reader.hpp).

#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

constexpr std::string_view whole_body
    = R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,)"
      R"("model":"mock","choices":[{"index":0,"message":{"role":"assistant",)"
      R"("content":"This is an answer of some words, as models give them."},)"
      R"("finish_reason":"stop"}],"usage":{"prompt_tokens":12,)"
      R"("completion_tokens":11,"total_tokens":23}})";

constexpr std::string_view stream_head
    = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";

std::string chunk(std::string_view bytes) {
  std::array<char, 20> size{};
  auto n = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  return std::string(size.data(), static_cast<std::size_t>(n))
         + std::string{bytes} + "\r\n";
}

std::string event(std::string_view delta, std::string_view finish) {
  return "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\","
         "\"created\":1700000000,\"model\":\"mock\",\"choices\":[{\"index\":0,"
         "\"delta\":{"
         + std::string{delta} + "},\"finish_reason\":" + std::string{finish}
         + "}]}\n\n";
}

const std::string& token() {
  static const auto bytes = chunk(event("\"content\":\"~word \"", "null"));
  return bytes;
}

std::string stamped_token() {
  auto now = clock_type::now().time_since_epoch().count();
  return chunk(
      event("\"content\":\"~@" + std::to_string(now) + "; \"", "null"));
}

const std::string& last() {
  static const auto bytes
      = chunk(event("", "\"stop\""))
        + chunk("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,"
                "\"completion_tokens\":100}}\n\n")
        + chunk("data: [DONE]\n\n") + "0\r\n\r\n";
  return bytes;
}

struct connection {
  std::string in;
  int tokens = 0; ///< Still to send.
  bool stamped = false;
  std::chrono::microseconds pause{0};
  clock_type::time_point due;
};

class mock {
public:
  mock() : poll_(epoll_create1(0)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int yes = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where);
    listen(listener_, 4096);
    socklen_t size = sizeof where;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size);
    std::printf("listening %d\n", ntohs(where.sin_port));
    std::fflush(stdout);
    watch(listener_);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events{};
    for (;;) {
      auto count = epoll_wait(poll_, events.data(), events.size(), wait_ms());
      for (int i = 0; i < count; ++i)
        events[static_cast<std::size_t>(i)].data.fd == listener_
            ? accept_all()
            : readable(events[static_cast<std::size_t>(i)].data.fd);
      send_due();
    }
  }

private:
  void watch(int fd) const {
    epoll_event what{};
    what.events = EPOLLIN;
    what.data.fd = fd;
    epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &what);
  }

  void accept_all() {
    for (;;) {
      auto fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
      if (fd < 0)
        return;
      int yes = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      all_[fd];
      watch(fd);
    }
  }

  void drop(int fd) {
    streams_.erase(fd);
    all_.erase(fd);
    close(fd);
  }

  void readable(int fd) {
    std::array<char, 65536> bytes{};
    auto got = recv(fd, bytes.data(), bytes.size(), 0);
    if (got <= 0)
      return drop(fd);
    auto& one = all_[fd];
    one.in.append(bytes.data(), static_cast<std::size_t>(got));
    while (answer(fd, one)) {
    }
  }

  /// The first whole request of what has come.
  bool answer(int fd, connection& one) {
    auto head = one.in.find("\r\n\r\n");
    if (head == std::string::npos)
      return false;
    std::size_t length = 0;
    for (const auto* name : {"Content-Length: ", "content-length: "})
      if (auto at = one.in.find(name); at < head)
        std::from_chars(one.in.data() + at + 16, one.in.data() + head, length);
    auto size = head + 4 + length;
    if (one.in.size() < size)
      return false;
    std::string_view request{one.in.data(), size};
    if (request.find("\"stream\":true") != std::string_view::npos)
      begin_stream(fd, one, request);
    else
      send_bytes(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                     "Content-Length: "
                         + std::to_string(whole_body.size()) + "\r\n\r\n"
                         + std::string{whole_body});
    one.in.erase(0, size);
    return true;
  }

  void begin_stream(int fd, connection& one, std::string_view request) {
    one.tokens = 1;
    int pause = 0;
    if (auto at = request.find("[[tokens:"); at != std::string_view::npos) {
      const auto* end = request.data() + request.size();
      auto first = std::from_chars(request.data() + at + 9, end, one.tokens);
      std::from_chars(first.ptr + 1, end, pause);
    }
    one.stamped = request.find("[[stamps]]") != std::string_view::npos;
    one.pause = std::chrono::microseconds{pause};
    one.due = clock_type::now();
    streams_[fd] = &one;
    send_bytes(fd, std::string{stream_head});
  }

  int wait_ms() const {
    if (streams_.empty())
      return -1;
    auto first = clock_type::time_point::max();
    for (const auto& [fd, one] : streams_)
      first = std::min(first, one->due);
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        first - clock_type::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
  }

  /// One token of each stream whose time has come.
  void send_due() {
    auto now = clock_type::now();
    std::vector<int> ended;
    for (auto& [fd, one] : streams_) {
      if (one->due > now)
        continue;
      one->due += one->pause;
      if (one->tokens-- > 0)
        send_bytes(fd, one->stamped ? stamped_token() : token());
      if (one->tokens > 0)
        continue;
      send_bytes(fd, last());
      ended.push_back(fd);
    }
    for (auto fd : ended)
      streams_.erase(fd);
  }

  /// Sockets hold all that is sent here: their readers keep up.
  static void send_bytes(int fd, const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      auto n = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN)
        return;
      sent += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
  }

  int poll_;
  int listener_;
  std::map<int, connection> all_;
  std::map<int, connection*> streams_;
};

} // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  mock{}.run();
}
