#include "tests/link/certificate_dir.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <sys/stat.h>

using namespace shannon;
using namespace shannon::test;
using link::days;

namespace {

/// What OpenSSL's own program says; nothing of ours reads what ours wrote.
std::string openssl(const std::string& arguments) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe{
      ::popen(("openssl " + arguments + " 2>&1").c_str(), "r"), ::pclose};
  REQUIRE(pipe);
  std::string out;
  std::array<char, 4'096> buffer{};
  while (auto n = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    out.append(buffer.data(), n);
  return out;
}

mode_t mode_of(const std::string& file) {
  struct stat got {};
  REQUIRE(::stat(file.c_str(), &got) == 0);
  return got.st_mode & 07777;
}

std::string read(const std::string& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a node's certificate names the node alone, for both ends, and holds "
          "before its CA") {
  certificate_dir dir;
  auto files = dir.issue("n1");
  CHECK(files.cert == dir.path() + "/n1.pem");
  CHECK(files.key == dir.path() + "/n1.key");
  for (const auto* purpose : {"sslserver", "sslclient"})
    CHECK(has(openssl("verify -x509_strict -purpose " + std::string{purpose}
                      + " -CAfile " + dir.ca() + " " + files.cert),
              ": OK"));
  auto text = openssl("x509 -noout -text -in " + files.cert);
  CHECK(has(text, "DNS:n1\n"));
  CHECK(has(text, "CA:FALSE"));
  CHECK(has(text, "TLS Web Server Authentication, TLS Web Client "
                  "Authentication"));
  CHECK(has(text, "NIST CURVE: P-256"));
  CHECK(has(text, "ecdsa-with-SHA256"));
  auto ca = openssl("x509 -noout -text -in " + dir.ca());
  CHECK(has(ca, "CA:TRUE, pathlen:0"));
  CHECK(has(ca, "Certificate Sign, CRL Sign"));
}

TEST_CASE("only their owner reads keys") {
  certificate_dir dir;
  auto files = dir.issue("n1");
  CHECK(mode_of(files.key) == 0600);
  CHECK(mode_of(dir.path() + "/ca.key") == 0600);
  CHECK(mode_of(files.cert) == 0644);
}

TEST_CASE("nothing is written over") {
  certificate_dir dir;
  auto files = dir.issue("n1");
  auto key = read(files.key);
  auto again = link::issue(dir.path(), "n1", days{365});
  REQUIRE(!again);
  CHECK(again.error().code == errc::conflict);
  CHECK(has(again.error().text, "is there already"));
  CHECK(read(files.key) == key);
  auto ca_key = read(dir.path() + "/ca.key");
  CHECK(!link::make_ca(dir.path(), days{1}));
  CHECK(read(dir.path() + "/ca.key") == ca_key);
}

TEST_CASE("a key whose certificate cannot be written is not left behind") {
  certificate_dir dir;
  std::ofstream{dir.path() + "/n1.pem"} << "in the way";
  CHECK(!link::issue(dir.path(), "n1", days{365}));
  CHECK(!std::filesystem::exists(dir.path() + "/n1.key"));
}

TEST_CASE("a certificate does not outlive its CA") {
  char name[] = "/tmp/shannon-certs-XXXXXX";
  REQUIRE(::mkdtemp(name) != nullptr);
  std::string path = name;
  REQUIRE(link::make_ca(path, days{10}));
  REQUIRE(link::issue(path, "n1", days{365}));
  auto end_of = [&](const std::string& file) {
    return openssl("x509 -noout -enddate -in " + path + "/" + file);
  };
  CHECK(end_of("n1.pem") == end_of("ca.pem"));
  std::filesystem::remove_all(path);
}

TEST_CASE("what cannot be a node's name gets no certificate") {
  certificate_dir dir;
  for (const auto* name : {"", "ca", "../n1", "a b", "n1\n", "*",
                           "a123456789a123456789a123456789a123456789a1234567"
                           "89a123456789abcde"}) {
    INFO(name);
    auto got = link::issue(dir.path(), name, days{365});
    REQUIRE(!got);
    CHECK(got.error().code == errc::invalid_argument);
  }
  CHECK(!link::issue(dir.path(), "n1", days{0}));
}

TEST_CASE("without a CA nothing is issued, and the text says what to do") {
  auto got = link::issue("/nonexistent", "n1", days{365});
  REQUIRE(!got);
  CHECK(has(got.error().text, "shannon certs init"));
}

TEST_CASE("a key that is another CA's issues nothing") {
  certificate_dir one;
  certificate_dir two;
  std::filesystem::remove(one.path() + "/ca.key");
  std::filesystem::copy(two.path() + "/ca.key", one.path() + "/ca.key");
  auto got = link::issue(one.path(), "n1", days{365});
  REQUIRE(!got);
  CHECK(has(got.error().text, "are no CA"));
}
