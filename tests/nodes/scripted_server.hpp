#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace shannon::test {

/// Answers one connection after the other with the bytes of a script and
/// closes it. An empty answer closes without a byte; after the script's end
/// every connection is closed so.
class scripted_server {
public:
  /// An answer that never comes: the connection stays open to the end.
  static inline const std::string silence = "silence";

  explicit scripted_server(std::vector<std::string> answers);
  ~scripted_server();

  std::uint16_t port() const noexcept {
    return port_;
  }

  /// The heads of the requests so far.
  std::vector<std::string> requests() const;

private:
  void serve();

  std::vector<std::string> answers_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<int> silent_;
  std::thread thread_;
};

} // namespace shannon::test
