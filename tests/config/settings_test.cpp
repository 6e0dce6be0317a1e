#include "config/keys.hpp"
#include "config/settings.hpp"
#include "tests/config/manifest_file.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>

using namespace shannon::config;
using shannon::test::manifest_file;
using namespace std::chrono_literals;

namespace {

shannon::result<settings> load_text(const std::string& text,
                                    const std::string& node = "n1") {
  manifest_file file{text};
  return load(file.path(), node);
}

/// What is wrong, without the name of the file.
std::string complaint(const std::string& text, const std::string& node = "n1") {
  manifest_file file{text};
  auto got = load(file.path(), node);
  if (got)
    return "(accepted)";
  CHECK(got.error().code == shannon::errc::invalid_argument);
  CHECK(got.error().text.find('\n') == std::string::npos);
  REQUIRE(got.error().text.starts_with(file.path() + ":"));
  return got.error().text.substr(file.path().size() + 1);
}

const std::string one_node = "nodes:\n- {name: n1, roles: [gateway]}\n";

/// A variable that is set while it lives.
class variable {
public:
  variable(std::string name, const std::string& value)
      : name_(std::move(name)) {
    ::setenv(name_.c_str(), value.c_str(), 1);
  }
  ~variable() {
    ::unsetenv(name_.c_str());
  }

private:
  std::string name_;
};

} // namespace

TEST_CASE("the shipped manifest holds the defaults") {
  auto got = load(SHANNON_SOURCE_DIR "/deploy/manifests/one-node.yaml", "n1");
  if (!got)
    FAIL(got.error().text);
  settings defaults;
  CHECK(got->node.name == "n1");
  CHECK(got->node.roles.size() == known_roles().size());
  for (const auto& key : keys()) {
    INFO(path_of(key));
    CHECK(value_of(key, *got) == value_of(key, defaults));
  }
}

TEST_CASE("a manifest sets what it names and leaves the rest") {
  auto got = load_text(R"(
cluster: test
insecure: true
database: {dsn: host=/run/pg dbname=shannon}
redis: {url: "redis://127.0.0.1:6379/0"}
shards: 64
llm:
  call_timeout: 2m
http: {body_bytes_max: 512KiB, json_depth_max: 32}
tool:
  egress_allow: ["intranet:80", "[::1]:443"]
nodes:
- name: n1
  host: node-1.example.org
  workers: 4
  roles: [gateway, llm]
  http: {listen: 0.0.0.0:80, json_depth_max: 16}
- name: n2
  roles: [tool]
)");
  if (!got)
    FAIL(got.error().text);
  CHECK(got->store.dsn == "host=/run/pg dbname=shannon");
  CHECK(got->store.shards == 64);
  CHECK(got->redis_url == "redis://127.0.0.1:6379/0");
  CHECK(got->llm.call_timeout == 2min);
  CHECK(got->http.body_bytes_max == 512 * 1024);
  CHECK(got->http.listen == "0.0.0.0:80");
  CHECK(got->http.json_depth_max == 16);
  CHECK(got->http.admin_listen == settings{}.http.admin_listen);
  CHECK(got->tool.egress_allow
        == std::vector<std::string>{"intranet:80", "[::1]:443"});
  CHECK(got->node.name == "n1");
  CHECK(got->node.host == "node-1.example.org");
  CHECK(got->node.workers == 4);
  CHECK(got->node.roles == std::vector<std::string>{"gateway", "llm"});
}

TEST_CASE("hosts are names or whole addresses, without a port") {
  auto with = [](const std::string& host) {
    return "browser: {deny_hosts: ['" + host + "']}\n" + one_node;
  };
  for (std::string good :
       {"example.com", "*.example.com", "*", "acme=*.example.com", "127.0.0.1",
        "[::1]", "a_b.internal", "x1"})
    CHECK(load_text(with(good), "n1"));
  for (std::string bad : {"example.com:80", "127.1", "0x7f.1", "10.0.0", "[::1",
                          "a..b", ".a", "a/b", "*.", "", "[127.0.0.1]"})
    CHECK(complaint(with(bad)).starts_with("1: browser.deny_hosts: expected"));
}

TEST_CASE("networks are addresses with the bits that count, or one address") {
  auto with = [](const std::string& network) {
    return "http: {trusted_proxies: ['192.0.2.7', '" + network + "']}\n"
           + one_node;
  };
  for (std::string good :
       {"10.0.0.0/8", "10.0.0.0/0", "10.0.0.1/32", "192.0.2.8", "fd00::/8",
        "2001:db8::1", "::/0", "2001:db8::1/128", "::ffff:10.0.0.0/104"}) {
    INFO(good);
    auto got = load_text(with(good));
    REQUIRE(got);
    CHECK(got->http.trusted_proxies
          == std::vector<std::string>{"192.0.2.7", good});
  }
  for (std::string bad :
       {"10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+8",
        "10.0.0.0/8/8", "10.0.0.0/255.0.0.0", "10.0.0/8", "proxy.example.com",
        "[fd00::1]", "10.0.0.1:80", "fe80::1%eth0", " 10.0.0.1", "", "/8"}) {
    INFO(bad);
    CHECK(complaint(with(bad))
          == "1: http.trusted_proxies: expected a list of at most 256 "
             "addresses or networks, such as [10.0.0.0/8, 192.0.2.7], found \""
                 + bad + "\"");
  }
}

TEST_CASE("what one node overrides does not reach the others") {
  auto text
      = std::string{"nodes:\n"
                    "- {name: n1, roles: [llm], llm: {call_timeout: 9s}}\n"
                    "- {name: n2, roles: [llm]}\n"};
  CHECK(load_text(text, "n1")->llm.call_timeout == 9s);
  CHECK(load_text(text, "n2")->llm.call_timeout == settings{}.llm.call_timeout);
}

TEST_CASE("without a name the only node is meant") {
  CHECK(load_text(one_node, "")->node.name == "n1");
}

TEST_CASE("a refusal names line, key and what is allowed") {
  CHECK(complaint("store:\n  writters: 2\n" + one_node)
        == "2: store.writters: unknown key; did you mean writers?");
  CHECK(complaint("stroe: {}\n" + one_node)
        == "1: stroe: unknown key; did you mean store?");
  CHECK(complaint("store:\n  writers: many\n" + one_node)
        == "2: store.writers: expected a whole number from 1 to 64, found "
           "\"many\"");
  CHECK(complaint("store:\n  writers: 65\n" + one_node)
        == "2: store.writers: expected a whole number from 1 to 64, found "
           "\"65\"");
  CHECK(complaint("store:\n  writers: \"2\"\n" + one_node)
        == "2: store.writers: expected a whole number from 1 to 64, found the "
           "text \"2\"");
  CHECK(complaint("store:\n  writers: [1]\n" + one_node)
        == "2: store.writers: expected a whole number from 1 to 64, found a "
           "list");
  CHECK(complaint("store:\n  writers:\n" + one_node)
        == "2: store.writers: has no value");
  CHECK(complaint("llm:\n\n  call_timeout: 30\n" + one_node)
        == "3: llm.call_timeout: expected a duration from 10ms to 24h, such as "
           "30s, found \"30\"");
  CHECK(complaint("http: {body_bytes_max: 1MB}\n" + one_node)
        == "1: http.body_bytes_max: expected a size from 1KiB to 1GiB, such as "
           "64KiB, found \"1MB\"");
  CHECK(complaint("http: {listen: 8080}\n" + one_node)
        == "1: http.listen: expected an address and port, such as "
           "127.0.0.1:8080, found \"8080\"");
  CHECK(complaint("http: 5\n" + one_node)
        == "1: http: expected a map, found \"5\"");
  CHECK(complaint("shards: 0\n" + one_node)
        == "1: shards: expected a whole number from 1 to 4096, found \"0\"");
  CHECK(complaint("shards: 1\nshards: 2\n" + one_node)
        == "2: shards: stands here twice");
  CHECK(complaint("run: {retry_backoff_min: 40s}\n" + one_node)
        == "1: run.retry_backoff_min is larger than retry_backoff_max");
  CHECK(complaint("retention: {keep_ended: 59m}\n" + one_node)
        == "1: retention.keep_ended: expected 0, for ever, or at least 1h, "
           "found \"59m\"");
  CHECK(complaint("retention: {keep_continued: 1s}\n" + one_node)
        == "1: retention.keep_continued: expected 0, for ever, or at least 1h, "
           "found \"1s\"");
}

TEST_CASE("what has ended is kept for thirty days, or for ever") {
  CHECK(settings{}.retention.keep_ended == std::chrono::hours{30 * 24});
  auto kept = load_text("retention: {keep_ended: 0, keep_continued: 1h}\n"
                        + one_node);
  REQUIRE(kept);
  CHECK(kept->retention.keep_ended == std::chrono::milliseconds{0});
  CHECK(kept->retention.keep_continued == std::chrono::hours{1});
}

TEST_CASE("a section without lines is empty") {
  CHECK(load_text("http:\n# listen: 0.0.0.0:1\n" + one_node));
}

TEST_CASE("nodes have a name of their own and known roles") {
  CHECK(complaint("cluster: x\n")
        == "1: nodes: is missing: a list of nodes with roles");
  CHECK(complaint("nodes: []\n")
        == "1: nodes: expected a list of 1 to 1024 nodes, found 0 elements");
  CHECK(complaint(one_node + "- {name: n1, roles: [llm]}\n")
        == "3: nodes: two nodes are named n1");
  CHECK(complaint("nodes:\n- {name: n1, roles: []}\n")
        == "2: nodes[0].roles: is empty: name some of gateway, orchestrator, "
           "agent, llm, tool, browser, inspector");
  CHECK(complaint("nodes:\n- {name: n1, roles: [gatway]}\n")
        == "2: nodes[0].roles: expected some of gateway, orchestrator, agent, "
           "llm, tool, browser, inspector, found \"gatway\"");
  CHECK(complaint("nodes:\n- {name: n1, roles: [llm, llm]}\n")
        == "2: nodes[0].roles: names llm twice");
  CHECK(complaint("nodes:\n- {name: n1}\n")
            .starts_with("2: nodes[0].roles: is missing"));
  CHECK(complaint("nodes:\n- {roles: [llm]}\n")
        == "2: nodes[0].name: is missing");
  CHECK(complaint("nodes:\n- {name: n1, roles: [llm], http: {port: 1}}\n")
        == "2: nodes[0].http.port: unknown key");
  CHECK(complaint(one_node, "n9")
        == "2: nodes: no node is named n9; known: n1");
}

TEST_CASE("a mistake in another node is refused too") {
  CHECK(complaint(one_node + "- {name: n2, roles: [nurse]}\n")
            .starts_with("3: nodes[1].roles: expected some of"));
}

TEST_CASE("what is no manifest gives one clear line") {
  CHECK(complaint("") == " expected a map, found nothing");
  CHECK(complaint("- a\n") == "1: expected a map, found a list");
  CHECK(complaint("a: [1, 2\nb: 3\n").find("not YAML") != std::string::npos);
  CHECK(complaint("a: b: c\n").starts_with("1: not YAML"));
  CHECK(complaint(one_node + "---\n" + one_node) == " more than one document");
  auto missing = load("/nonexistent/manifest.yaml", "n1");
  REQUIRE(!missing);
  CHECK(missing.error().text
        == "/nonexistent/manifest.yaml: cannot be read: No such file or "
           "directory");
  CHECK(!load("/tmp", "n1"));
}

TEST_CASE("a hostile manifest is refused before it is built") {
  CHECK(complaint(std::string(2'000'000, '#')) == " larger than 1 MiB");
  CHECK(complaint("a: " + std::string(100'000, '[')).find("levels")
        != std::string::npos);
  CHECK(complaint("a: " + std::string(20, '[') + std::string(20, ']'))
        == "1: nested deeper than 16 levels");
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'q'; ++c) {
    bomb += std::string{c} + ": &" + c + " [";
    for (int i = 0; i < 10; ++i)
      bomb += std::string{i ? ", *" : "*"} + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  CHECK(complaint(bomb) == "1: a: unknown key");
  std::string many = "a: &a 1\nb: [";
  for (int i = 0; i < 1'001; ++i)
    many += "*a, ";
  CHECK(complaint(many + "]\n") == "2: more than 1000 aliases");
}

TEST_CASE("a password is not shown in a complaint") {
  auto text = complaint("database:\n  dsn: " + std::string(5'000, 's') + "\n"
                        + one_node);
  CHECK(text == "2: database.dsn: expected a text of 0 to 4096 bytes");
}

TEST_CASE("variables overlay the settings") {
  variable dsn{"SHANNON_DATABASE_URL", "postgres://db/shannon"};
  variable redis{"SHANNON_REDIS_URL", "redis://r:1"};
  variable http{"SHANNON_HTTP", "0.0.0.0:9000"};
  variable admin{"SHANNON_ADMIN", "127.0.0.1:9001"};
  variable call{"SHANNON_LLM__CALL_TIMEOUT", "7s"};
  variable size{"SHANNON_HTTP__BODY_BYTES_MAX", "2MiB"};
  variable list{"SHANNON_TOOL__EGRESS_ALLOW", "a:1,b:2"};
  variable shards{"SHANNON_SHARDS", "16"};
  variable other{"SHANNON_API_KEY", "not ours"};
  auto closed = from_environment({});
  REQUIRE_FALSE(closed);
  CHECK(closed.error().text.starts_with("http.listen: other hosts reach"));
  variable open{"SHANNON_INSECURE", "true"};
  auto got = from_environment({});
  if (!got)
    FAIL(got.error().text);
  CHECK(got->store.dsn == "postgres://db/shannon");
  CHECK(got->redis_url == "redis://r:1");
  CHECK(got->http.listen == "0.0.0.0:9000");
  CHECK(got->http.admin_listen == "127.0.0.1:9001");
  CHECK(got->llm.call_timeout == 7s);
  CHECK(got->http.body_bytes_max == 2 * 1024 * 1024);
  CHECK(got->tool.egress_allow == std::vector<std::string>{"a:1", "b:2"});
  CHECK(got->store.shards == 16);
}

TEST_CASE("a bad variable is refused by name") {
  {
    variable bad{"SHANNON_LLM__CALL_TIMEOUT", "soon"};
    auto got = from_environment({});
    REQUIRE(!got);
    CHECK(got.error().text
          == "SHANNON_LLM__CALL_TIMEOUT: expected a duration from 10ms to 24h, "
             "such as 30s, found \"soon\"");
  }
  variable unknown{"SHANNON_LLM__CALL_TIMEOT", "1s"};
  auto got = from_environment({});
  REQUIRE(!got);
  CHECK(got.error().text
        == "SHANNON_LLM__CALL_TIMEOT: no such setting; did you mean "
           "SHANNON_LLM__CALL_TIMEOUT?");
}
