#pragma once

#include "actors/browser/egress/egress_proxy.hpp"
#include "actors/kit/io_loop.hpp"
#include "tests/browser/raw_socket.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace shannon::test {

/// A proxy on a loop of its own, a browser made of raw sockets, and names that
/// the test answers.
class proxy_fixture {
public:
  proxy_fixture();
  ~proxy_fixture();

  /// A proxy by `rules`, on a listener of its own if none is given.
  void start(int listener = -1);
  /// Makes `name:PORT of the server` an exception that leads to 127.0.0.1.
  std::string allow(const std::string& name, const raw_server& server);

  raw_socket browser(int receive_bytes = 0) const {
    return raw_socket::to(port, receive_bytes);
  }
  /// One request by a browser of its own, and all that it is answered.
  std::string ask(const std::string& bytes) const;
  std::string fetch(const std::string& url) const {
    return ask("GET " + url
               + " HTTP/1.1\r\nHost: x\r\n"
                 "Connection: close\r\n\r\n");
  }

  /// How often a name was asked for.
  int lookups() const {
    return *lookups_;
  }

  /// Waits until `holds`, ten seconds at most.
  static bool eventually(const std::function<bool()>& holds);
  bool all_ended() const {
    return eventually([this] { return proxy->counters().connections == 0; });
  }

  kit::io_loop loop{"test"};
  browser::proxy_rules rules;
  std::vector<std::string> exceptions;
  /// What names resolve to for the next proxy that is started.
  std::map<std::string, std::vector<std::string>> names;
  std::function<void()> during_lookup;
  std::shared_ptr<browser::egress_proxy> proxy;
  std::uint16_t port = 0;

private:
  std::shared_ptr<std::atomic<int>> lookups_
      = std::make_shared<std::atomic<int>>(0);
};

} // namespace shannon::test
