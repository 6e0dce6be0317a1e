#include "actors/gateway/identity/secrets.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <stdlib.h>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>

namespace shannon::gateway {

namespace {

const std::string hex_a(64, 'a');
const std::string hex_b(64, 'b');
const std::string good = "# old\n\npepper " + hex_a + "\ntoken-key k2 " + hex_b
                         + "\r\ntoken-key k1 " + hex_a + "\n";

struct folder {
  std::string path = "/tmp/shannon-secrets-XXXXXX";
  folder() {
    REQUIRE(::mkdtemp(path.data()));
  }
  ~folder() {
    std::filesystem::remove_all(path);
  }
  std::string file(const std::string& text, mode_t mode) const {
    auto name = path + "/secrets";
    std::ofstream{name} << text;
    REQUIRE(::chmod(name.c_str(), mode) == 0);
    return name;
  }
};

} // namespace

TEST_CASE("secrets are a pepper and keys of tokens, the first of which signs") {
  auto got = parse_secrets(good);
  REQUIRE(got);
  CHECK(got->pepper == std::string(32, '\xaa'));
  REQUIRE(got->token_keys.size() == 2);
  CHECK(got->token_keys[0].first == "k2");
  CHECK(got->token_keys[0].second == std::string(32, '\xbb'));
  CHECK(got->token_keys[1].first == "k1");
}

TEST_CASE("the secret of a client of Google's is one word, and may be absent") {
  CHECK(parse_secrets(good)->google_client_secret.empty());
  CHECK(parse_secrets(good + "google-client-secret GOCSPX-a_b\n")
            ->google_client_secret
        == "GOCSPX-a_b");
  for (const char* line : {"google-client-secret", "google-client-secret a b",
                           "google-client-secret a\ngoogle-client-secret b"})
    CHECK_FALSE(parse_secrets(good + line + "\n"));
}

TEST_CASE("secrets that are short, doubled or missing are refused, and not "
          "shown") {
  const std::string secret(62, 'c');
  for (const auto& text :
       {std::string{}, "pepper " + hex_a, "token-key k1 " + hex_a,
        "pepper " + secret + "\ntoken-key k1 " + hex_a,
        "pepper " + hex_a + "\ntoken-key k1 " + secret,
        "pepper " + hex_a + "\npepper " + hex_b + "\ntoken-key k1 " + hex_a,
        "pepper " + hex_a + "\ntoken-key k1 " + hex_a + "\ntoken-key k1 "
            + hex_b,
        "pepper " + hex_a + "\ntoken-key a/b " + hex_a,
        "pepper\ntoken-key k1 " + hex_a, "salt " + hex_a,
        "pepper " + hex_a + "\ntoken-key k1 " + std::string(64, 'z')}) {
    auto got = parse_secrets(text);
    INFO(text);
    REQUIRE_FALSE(got);
    CHECK(got.error().text.find("cccc") == std::string::npos);
    CHECK(got.error().text.find("aaaa") == std::string::npos);
  }
}

TEST_CASE("a secrets file that others may read is refused") {
  folder in;
  for (mode_t mode : {0644, 0604, 0602, 0660, 0620}) {
    auto got = read_secrets(in.file(good, mode));
    INFO(mode);
    REQUIRE_FALSE(got);
    CHECK(got.error().text.find("chmod 600") != std::string::npos);
  }
  for (mode_t mode : {0600, 0400, 0640, 0440})
    CHECK(read_secrets(in.file(good, mode)));
}

TEST_CASE("what is no secrets file is refused with its path") {
  folder in;
  for (const auto& path : {in.path, in.path + "/absent"}) {
    auto got = read_secrets(path);
    REQUIRE_FALSE(got);
    CHECK(got.error().text.find(path) != std::string::npos);
  }
}

TEST_CASE("a secrets file is made once, readable by its owner alone") {
  folder in;
  auto path = in.path + "/secrets";
  std::vector<std::thread> many;
  std::vector<int> made(8);
  for (auto& done : made)
    many.emplace_back([&done, &path] { done = make_secrets(path) ? 1 : 0; });
  for (auto& one : many)
    one.join();
  CHECK(made == std::vector<int>(8, 1));
  auto first = read_secrets(path);
  REQUIRE(first);
  CHECK(make_secrets(path));
  CHECK(read_secrets(path)->pepper == first->pepper);
  struct stat facts {};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
  // Nothing is left beside it.
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator{in.path})
    files += entry.is_regular_file() ? 1 : 0;
  CHECK(files == 1);
}

} // namespace shannon::gateway
