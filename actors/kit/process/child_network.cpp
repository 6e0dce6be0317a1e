#include "actors/kit/process/child_network.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace shannon::kit {

namespace {

/// Room for one message with as many descriptors as there may be.
struct control_room {
  alignas(cmsghdr)
      std::array<char, CMSG_SPACE(sizeof(int) * listeners_max)> bytes{};
};

/// A socket that listens on the loopback of the calling thread's namespace.
int listen_here() {
  auto fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd >= 0
      && (bind(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0
          || listen(fd, 128) != 0)) {
    close(fd);
    return -1;
  }
  return fd;
}

bool send_descriptors(int over, const int* fds, std::size_t count) {
  char byte = 0;
  iovec text{&byte, 1};
  control_room room;
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = room.bytes.data();
  message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
  auto* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int) * count);
  std::memcpy(CMSG_DATA(head), fds, sizeof(int) * count);
  return sendmsg(over, &message, MSG_NOSIGNAL) == 1;
}

} // namespace

result<listener_pair> listener_channel(std::uint32_t count) {
  if (count > listeners_max)
    return fail(errc::invalid_argument,
                "listening sockets: at most " + std::to_string(listeners_max)
                    + ", found " + std::to_string(count));
  int ends[2] = {-1, -1};
  if (count > 0 && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(errc::unavailable,
                std::string{"no socket pair: "} + std::strerror(errno), true);
  return listener_pair{owned_fd{ends[0]}, owned_fd{ends[1]}};
}

std::vector<owned_fd> receive_listeners(const listener_pair& from) {
  std::vector<owned_fd> out;
  char byte = 0;
  iovec text{&byte, 1};
  control_room room;
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = room.bytes.data();
  message.msg_controllen = room.bytes.size();
  if (recvmsg(from.parent.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
      != 1)
    return out;
  auto* head = CMSG_FIRSTHDR(&message);
  if (head == nullptr || head->cmsg_type != SCM_RIGHTS)
    return out;
  std::vector<int> fds((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
  std::memcpy(fds.data(), CMSG_DATA(head), fds.size() * sizeof(int));
  for (auto fd : fds)
    out.emplace_back(fd);
  return out;
}

bool enter_own_network() noexcept {
  if (unshare(CLONE_NEWNET) != 0)
    return false;
  auto any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq loopback{};
  std::memcpy(loopback.ifr_name, "lo", 3);
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  if (any < 0 || ioctl(any, SIOCSIFFLAGS, &loopback) != 0)
    return false;
  close(any);
  return true;
}

bool send_listeners(int over, std::uint32_t count) noexcept {
  std::array<int, listeners_max> fds{};
  for (std::uint32_t i = 0; i < count; ++i)
    if ((fds[i] = listen_here()) < 0)
      return false;
  return send_descriptors(over, fds.data(), count);
}

} // namespace shannon::kit
