#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace shannon::test {

/// Google's two addresses on loopback: answers a request by its path and closes
/// the connection.
class google_stub {
public:
  google_stub();
  ~google_stub();

  struct answer {
    int status = 200;
    std::string body;
    std::string fields; ///< Whole lines.
  };
  struct seen {
    std::string path;
    std::string head;
    std::string body;
  };

  void set(const std::string& path, answer what);
  std::vector<seen> requests(const std::string& path) const;
  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

private:
  void serve();
  void serve_one(int socket);

  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, answer> answers_;
  std::vector<seen> seen_;
  std::thread thread_;
};

} // namespace shannon::test
