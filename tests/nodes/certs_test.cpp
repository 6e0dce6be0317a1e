#include "tests/nodes/process.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <sys/stat.h>

using shannon::test::run_shannon;

namespace {

/// A place for certificates that is not there yet.
struct folder {
  folder() {
    char name[] = "/tmp/shannon-certs-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    above = name;
    path = above + "/tls";
  }
  ~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(above, ignored);
  }
  std::string above;
  std::string path;
};

bool runs(const std::string& line) {
  return std::system((line + " >/dev/null 2>&1").c_str()) == 0;
}

} // namespace

TEST_CASE("a CA is made once, and issues what holds before it") {
  folder tls;
  auto made = run_shannon({"certs", "init", "--dir", tls.path});
  CHECK(made.code == 0);
  CHECK(made.out == tls.path + "/ca.pem\n" + tls.path + "/ca.key\n");
  struct stat got {};
  REQUIRE(::stat(tls.path.c_str(), &got) == 0);
  CHECK((got.st_mode & 07777) == 0700);
  auto issued = run_shannon({"certs", "issue", "n1", "--dir", tls.path});
  CHECK(issued.code == 0);
  CHECK(issued.out == tls.path + "/n1.pem\n" + tls.path + "/n1.key\n");
  CHECK(runs("openssl verify -CAfile " + tls.path + "/ca.pem " + tls.path
             + "/n1.pem"));
  CHECK(runs("openssl x509 -noout -checkend 31000000 -in " + tls.path
             + "/n1.pem"));
  for (const auto& again :
       {std::vector<std::string>{"certs", "init", "--dir", tls.path},
        std::vector<std::string>{"certs", "issue", "n1", "--dir", tls.path}}) {
    auto refused = run_shannon(again);
    CHECK(refused.code != 0);
    CHECK(refused.err.find("is there already") != std::string::npos);
  }
}

TEST_CASE("a lifetime is as long as it was asked for") {
  folder tls;
  CHECK(run_shannon({"certs", "init", "--dir", tls.path}).code == 0);
  CHECK(run_shannon({"certs", "issue", "n1", "--dir", tls.path, "--days", "3"})
            .code
        == 0);
  auto holds = [&](int seconds) {
    return runs("openssl x509 -noout -checkend " + std::to_string(seconds)
                + " -in " + tls.path + "/n1.pem");
  };
  CHECK(holds(2 * 86'400));
  CHECK(!holds(4 * 86'400));
}

TEST_CASE("certs without a CA, a name or a place says what is missing") {
  folder tls;
  auto no_ca = run_shannon({"certs", "issue", "n1", "--dir", tls.path});
  CHECK(no_ca.code == 3);
  CHECK(no_ca.err.find("shannon certs init") != std::string::npos);
  CHECK(run_shannon({"certs"}).code == 2);
  CHECK(run_shannon({"certs", "init"}).code == 2);
  CHECK(run_shannon({"certs", "issue", "--dir", tls.path}).code == 2);
  CHECK(run_shannon({"certs", "init", "--dir", tls.path}).code == 0);
  CHECK(run_shannon({"certs", "issue", "../n1", "--dir", tls.path}).code == 2);
  CHECK(run_shannon({"certs", "issue", "n1", "--dir", tls.path, "--days", "0"})
            .code
        == 2);
}

TEST_CASE("help of what certs can do fits 80 columns and ends with examples") {
  for (const auto* action : {"init", "issue"}) {
    auto help = run_shannon({"certs", action, "--help"});
    CHECK(help.code == 0);
    CHECK(help.out.find("Examples:") != std::string::npos);
    std::size_t at = 0;
    while (at < help.out.size()) {
      auto end = std::min(help.out.find('\n', at), help.out.size());
      CHECK(end - at <= 80);
      at = end + 1;
    }
  }
}
