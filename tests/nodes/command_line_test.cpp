#include "tests/nodes/process.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <sstream>

using shannon::test::closed_port;
using shannon::test::run_shannon;

namespace {

const std::vector<std::string> commands{
    "up",    "submit",  "list",   "show",    "cancel",  "node",
    "certs", "migrate", "doctor", "version", "inspect", "top"};

std::string nobody() {
  return "http://127.0.0.1:" + std::to_string(closed_port());
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

} // namespace

TEST_CASE("help on every level fits 80 columns and ends with examples") {
  std::vector<std::vector<std::string>> calls{{"--help"}};
  for (const auto& command : commands)
    calls.push_back({command, "--help"});
  for (const auto& call : calls) {
    auto help = run_shannon(call);
    INFO(call.front());
    CHECK(help.code == 0);
    CHECK(help.err.empty());
    CHECK(help.out.find("Examples:") != std::string::npos);
    std::istringstream text{help.out};
    for (std::string line; std::getline(text, line);) {
      INFO(line);
      CHECK(line.size() <= 80);
    }
  }
}

TEST_CASE("the help names every command") {
  auto help = run_shannon({"--help"});
  for (const auto& command : commands)
    CHECK(help.out.find("\n  " + command + " ") != std::string::npos);
}

TEST_CASE("wrong use exits with 2 and says why on stderr") {
  const std::vector<std::vector<std::string>> calls{
      {},
      {"fly"},
      {"submit"},
      {"submit", "a", "b"},
      {"submit", "a", "--follow", "--wait"},
      {"submit", "a", "-o", "xml"},
      {"submit", "a", "--timeout", "0"},
      {"submit", "a", "--timeout", "soon"},
      {"list", "--limit", "101"},
      {"list", "--status", "happy"},
      {"show"},
      {"show", "x", "--colour"},
      {"cancel"},
      {"version", "now"},
      {"up", "--http"},
      {"up", "here"},
      {"node"},
      {"node", "--name", "n1"},
      {"migrate", "undo"},
      {"doctor", "please"},
      {"inspect", "here"},
      {"top", "--sort", "name"},
      {"top", "--every", "0"},
      {"inspect", "--node", "n1", "--admin", "http://127.0.0.1:1"},
      {"list", "--url", "localhost"},
  };
  for (const auto& call : calls) {
    auto what = run_shannon(call);
    INFO(::Catch::Detail::stringify(call));
    CHECK(what.code == 2);
    CHECK(what.out.empty());
    CHECK_FALSE(what.err.empty());
  }
}

TEST_CASE("a task may be named like a command") {
  auto what = run_shannon({"submit", "version", "--url", nobody()});
  CHECK(what.code == 6);
}

TEST_CASE("a node that is not there exits with 6 and one line") {
  const std::vector<std::vector<std::string>> calls{
      {"submit", "a"},
      {"submit", "a", "--follow"},
      {"submit", "a", "--wait", "-o", "json"},
      {"list"},
      {"show", "x"},
      {"cancel", "x"},
  };
  for (auto call : calls) {
    auto url = nobody();
    call.insert(call.begin(), {"--url", url});
    auto what = run_shannon(call);
    INFO(::Catch::Detail::stringify(call));
    CHECK(what.code == 6);
    CHECK(what.out.empty());
    CHECK(lines(what.err) == 1);
    CHECK(what.err.find(url) != std::string::npos);
  }
}

TEST_CASE("SHANNON_URL names the node unless --url does") {
  auto url = nobody();
  auto what = run_shannon({"list"}, {"SHANNON_URL=" + url});
  CHECK(what.code == 6);
  CHECK(what.err.find(url) != std::string::npos);
  auto other = nobody();
  what = run_shannon({"list", "--url", other}, {"SHANNON_URL=" + url});
  CHECK(what.err.find(other) != std::string::npos);
}

TEST_CASE("version is one line of data") {
  auto what = run_shannon({"version"});
  CHECK(what.code == 0);
  CHECK(what.out.starts_with("shannon "));
  CHECK(lines(what.out) == 1);
  CHECK(what.err.empty());
}
