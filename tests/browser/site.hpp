#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace shannon::test {

/// What a browser asked for.
struct site_request {
  std::string method;
  std::string host;
  std::string path;  ///< Without the query.
  std::string query; ///< What is behind the question mark.
  std::string body;
  std::string cookie;
};

/// One answer. A body that `more` gives goes on until it gives nothing.
struct site_answer {
  int status = 200;
  std::string type = "text/html; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
  int delay_ms = 0;
  std::function<std::string()> more = {};
  /// The connection ends in the middle of the body.
  bool breaks = false;
};

/// A web site of our own that plays the useful and the hostile one, on
/// loopback, on threads of its own. `site_pages.cpp` has its pages; whatever
/// the host in a URL, they are the same.
class site {
public:
  site();
  ~site();

  std::uint16_t port() const noexcept {
    return port_;
  }
  /// `http://site.test:PORT/path`
  std::string url(const std::string& path,
                  const std::string& host = "site.test") const {
    return "http://" + host + ":" + std::to_string(port_) + path;
  }
  /// Serves one more page, as long as the site lives.
  void page(const std::string& path, std::string body);
  /// Requests of a path so far.
  std::size_t asked(const std::string& path) const;
  /// The last body that was posted to a path.
  std::string posted(const std::string& path) const;

private:
  void serve(boost::asio::ip::tcp::socket socket);
  site_answer answer(const site_request& request);

  boost::asio::io_context loop_{1};
  boost::asio::ip::tcp::acceptor acceptor_{loop_};
  std::uint16_t port_ = 0;
  bool stopping_ = false;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  std::map<std::string, std::string> pages_;
  std::map<std::string, std::size_t> asked_;
  std::map<std::string, std::string> posted_;
  std::vector<int> sockets_;
  std::vector<std::thread> serving_;
  std::thread accepting_;
};

/// The fixed pages by path.
const std::map<std::string, std::string>& site_pages();
/// What depends on the request; nothing for a path that is no such.
bool site_action(const site_request& request, site_answer& out);

} // namespace shannon::test
