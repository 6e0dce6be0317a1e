#include "tests/browser/private_network.hpp"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <sched.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace shannon::test {

namespace {

/// Runs a shell's line; answers what it printed.
std::string run(const std::string& line, bool must = true) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe{
      ::popen((line + " 2>&1").c_str(), "r"), nullptr};
  std::string out;
  char buffer[4096];
  while (auto n = std::fread(buffer, 1, sizeof buffer, pipe.get()))
    out.append(buffer, n);
  auto status = ::pclose(pipe.release());
  if (must && status != 0)
    throw std::runtime_error(line + ": " + out);
  return out;
}

const std::vector<std::string>& addresses() {
  static const std::vector<std::string> all{
      "10.0.0.1/8",        "100.64.0.1/10",      "169.254.169.254/16",
      "169.254.170.2/16",  "172.16.0.1/12",      "192.0.0.1/24",
      "192.0.0.192/24",    "192.0.2.1/24",       "192.88.99.1/24",
      "192.168.0.1/24",    "192.168.1.1/24",     "198.18.0.1/15",
      "198.51.100.1/24",   "203.0.113.1/24",     "198.41.0.4/32",
      "fd00::1/64",        "fd00:ec2::254/64",   "fc00::1/64",
      "fe80::1/64",        "fec0::1/64",         "2001:db8::1/64",
      "2002:7f00:1::1/64", "64:ff9b::7f00:1/96", "2001:500::4/64"};
  return all;
}

} // namespace

std::string private_network::obstacle() {
  if (::geteuid() != 0)
    return "needs root";
  // Tried and not asked for: containers give some of it and not the rest.
  if (std::system("unshare --net sh -c 'ip link set lo up && "
                  "ip link add name va type veth peer name vb && "
                  "ip -6 addr add fd00::1/64 dev lo && "
                  "nft add table inet x' >/dev/null 2>&1")
      != 0)
    return "needs network namespaces, veth, IPv6 and nftables; install "
           "iproute2 and nftables";
  return {};
}

private_network::private_network(const std::string& site, std::uint16_t port) {
  before_ = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (before_ < 0 || ::unshare(CLONE_NEWNET) != 0)
    throw std::runtime_error("no network namespace of its own");
  run("ip link set lo up && ip link add inside type veth peer name beyond && "
      "ip link set inside up && ip link set beyond up && ip addr add "
      + site + "/32 dev inside");
  for (const auto& one : addresses())
    run("ip addr add " + one + " dev inside"
        + (one.find(':') == std::string::npos ? "" : " nodad"));
  // The rest of the world is there, too: a packet to it can be sent.
  run("ip route add default dev inside && ip -6 route add default dev inside");
  auto rule = "add rule inet seen out ";
  auto here = rule + ("ip daddr " + site + " tcp ");
  auto number = std::to_string(port);
  run("nft 'add table inet seen; add counter inet seen sent; "
      "add chain inet seen out { type filter hook output priority 0 ; }; "
      + here + "dport " + number + " accept; " + here + "sport " + number
      + " accept; " + rule + "meta l4proto { tcp, udp } counter name sent'");
}

private_network::~private_network() {
  if (::setns(before_, CLONE_NEWNET) != 0)
    std::abort();
  ::close(before_);
}

std::uint64_t private_network::packets() const {
  auto text = run("nft list counter inet seen sent");
  auto at = text.find("packets ");
  if (at == std::string::npos)
    throw std::runtime_error("no counter: " + text);
  return std::strtoull(text.c_str() + at + 8, nullptr, 10);
}

void private_network::reset() {
  run("nft reset counter inet seen sent");
}

} // namespace shannon::test
