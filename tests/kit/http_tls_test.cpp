#include "actors/kit/http_client.hpp"
#include "actors/kit/io_loop.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <future>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace shannon;

namespace fs = std::filesystem;

namespace {

/// A CA of our own, a certificate for `models.test` and 127.0.0.1 from it, and
/// openssl's own server that presents it: nothing of the client tests itself.
class tls_server {
public:
  explicit tls_server(const std::string& extra = "") {
    auto text = (fs::temp_directory_path() / "shannon-tls-XXXXXX").string();
    REQUIRE(::mkdtemp(text.data()) != nullptr);
    folder_ = text;
    std::ofstream{folder_ / "names"} << "subjectAltName=DNS:models.test,"
                                        "IP:127.0.0.1\n";
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        " -subj /CN=test-ca -days 2 -keyout ca.key -out ca.pem");
    run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        " -subj /CN=models.test -keyout srv.key -out srv.csr");
    run("openssl x509 -req -in srv.csr -CA ca.pem -CAkey ca.key -days 2"
        " -CAcreateserial -extfile names -out srv.pem");
    serve(extra);
  }
  ~tls_server() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    fs::remove_all(folder_);
  }

  std::string ca() const {
    return (folder_ / "ca.pem").string();
  }
  std::uint16_t port() const {
    return port_;
  }

private:
  void run(const std::string& command) {
    auto line
        = "cd '" + folder_.string() + "' && " + command + " >>openssl.log 2>&1";
    REQUIRE(std::system(line.c_str()) == 0);
  }

  void serve(const std::string& extra) {
    int out[2];
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    auto line = "exec openssl s_server -accept 127.0.0.1:0 -www -cert srv.pem"
                " -key srv.key "
                + extra + " 2>/dev/null </dev/null";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], 1);
      if (::chdir(folder_.c_str()) == 0)
        ::execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(out[1]);
    std::string said;
    char buffer[256];
    while (port_ == 0) {
      auto n = ::read(out[0], buffer, sizeof(buffer));
      REQUIRE(n > 0);
      said.append(buffer, static_cast<std::size_t>(n));
      auto at = said.find("ACCEPT 127.0.0.1:");
      if (at != said.npos && said.find('\n', at) != said.npos)
        port_ = static_cast<std::uint16_t>(std::atoi(said.c_str() + at + 17));
    }
    ::close(out[0]);
  }

  fs::path folder_;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

struct answer {
  int status = 0;
  std::string body;
  result<void> how;
};

answer get(kit::http_client_options options, const std::string& host,
           std::uint16_t port) {
  kit::io_loop loop{"test"};
  // Whatever the name, it is our server: what is tested is its certificate.
  options.resolver = [](const std::string&, std::uint16_t at, auto then) {
    then(std::vector<boost::asio::ip::tcp::endpoint>{
        {boost::asio::ip::make_address("127.0.0.1"), at}});
  };
  kit::http_client client{loop.context(), options};
  kit::http_request request;
  request.host = host;
  request.port = port;
  answer got;
  std::promise<void> ended;
  client.start(request, {},
               {[&](const kit::http_head& head) { got.status = head.status; },
                [&](std::string_view piece) { got.body += piece; },
                [&](result<void> how) {
                  got.how = std::move(how);
                  ended.set_value();
                }});
  REQUIRE(ended.get_future().wait_for(10s) == std::future_status::ready);
  return got;
}

} // namespace

TEST_CASE("TLS with a trusted chain and the right name works") {
  tls_server server;
  kit::http_client_options options;
  options.ca_file = server.ca();
  for (const auto* host : {"models.test", "127.0.0.1"}) {
    auto got = get(options, host, server.port());
    INFO((got.how ? "" : got.how.error().text));
    CHECK(got.how.has_value());
    CHECK(got.status == 200);
    CHECK(got.body.find("TLSv1.3") != std::string::npos);
  }
}

TEST_CASE("a certificate for another name is refused") {
  tls_server server;
  kit::http_client_options options;
  options.ca_file = server.ca();
  for (const auto* host : {"other.test", "x.models.test", "127.0.0.2"}) {
    auto got = get(options, host, server.port());
    REQUIRE(!got.how);
    CHECK(got.how.error().code == errc::unavailable);
    CHECK(got.how.error().text.find("mismatch") != std::string::npos);
    CHECK(!got.how.error().retryable);
    CHECK(got.status == 0);
  }
}

TEST_CASE("a certificate of an unknown CA is refused") {
  tls_server server;
  auto got = get({}, "models.test", server.port());
  REQUIRE(!got.how);
  CHECK(got.how.error().code == errc::unavailable);
  CHECK(got.how.error().text.find("certificate refused") != std::string::npos);
}

TEST_CASE("TLS below 1.2 is refused") {
  tls_server server{"-tls1_1 -cipher DEFAULT:@SECLEVEL=0"};
  kit::http_client_options options;
  options.ca_file = server.ca();
  auto got = get(options, "models.test", server.port());
  REQUIRE(!got.how);
  CHECK(got.how.error().code == errc::unavailable);
}

TEST_CASE("trust anchors that cannot be read stop every TLS call") {
  kit::http_client_options options;
  options.ca_file = "/nonexistent/ca.pem";
  auto got = get(options, "models.test", 1);
  REQUIRE(!got.how);
  CHECK(got.how.error().text.find("trust anchors") != std::string::npos);
}
