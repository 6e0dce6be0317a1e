// Without this valijson would abort over a bad schema.
#define VALIJSON_USE_EXCEPTIONS 1

#include "config/keys.hpp"
#include "config/manifest.hpp"
#include "config/schema.hpp"
#include "tests/config/manifest_file.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <fstream>
#include <string>

using namespace shannon::config;
using shannon::test::manifest_file;
using namespace std::chrono_literals;

namespace {

const std::string examples = SHANNON_SOURCE_DIR "/deploy/manifests/";

std::string complaint(const std::string& text,
                      const std::string& profile = {}) {
  manifest_file on_disk{text};
  auto got = load_manifest(on_disk.path(), profile);
  if (got)
    return "(accepted)";
  REQUIRE(got.error().text.starts_with(on_disk.path() + ":"));
  return got.error().text.substr(on_disk.path().size() + 1);
}

const std::string everything
    = "roles: [gateway, orchestrator, agent, llm, tool]";
const std::string one_node = "nodes:\n- {name: n1, " + everything + "}\n";

std::string two_nodes(const std::string& first, const std::string& second) {
  return "nodes:\n- {name: n1, " + everything + ", " + first
         + "}\n- {name: n2, " + everything + ", " + second + "}\n";
}

nlohmann::json json_of(const YAML::Node& node) {
  if (node.IsSequence()) {
    auto list = nlohmann::json::array();
    for (const auto& one : node)
      list.push_back(json_of(one));
    return list;
  }
  if (node.IsMap()) {
    auto map = nlohmann::json::object();
    for (const auto& one : node)
      map[one.first.Scalar()] = json_of(one.second);
    return map;
  }
  const auto& text = node.Scalar();
  bool number = node.Tag() != "!" && !text.empty()
                && text.find_first_not_of("0123456789") == std::string::npos;
  return number ? nlohmann::json(std::stoull(text)) : nlohmann::json(text);
}

} // namespace

TEST_CASE("each shipped manifest is a cluster, by the reader and by the "
          "published schema") {
  auto text = nlohmann::json::parse(manifest_schema());
  valijson::Schema schema;
  valijson::SchemaParser parser;
  valijson::adapters::NlohmannJsonAdapter as_schema{text};
  parser.populateSchema(as_schema, schema);
  struct example {
    const char* name;
    std::size_t nodes;
  };
  for (auto [name, nodes] : {example{"one-node", 1}, example{"three-nodes", 3},
                             example{"seven-nodes", 7}}) {
    INFO(name);
    auto path = examples + name + ".yaml";
    auto got = load_manifest(path);
    if (!got)
      FAIL(got.error().text);
    CHECK(got->nodes.size() == nodes);
    auto document = json_of(YAML::LoadFile(path));
    valijson::adapters::NlohmannJsonAdapter target{document};
    valijson::Validator validator;
    valijson::ValidationResults found;
    bool valid = validator.validate(schema, target, &found);
    valijson::ValidationResults::Error error;
    while (found.popError(error))
      UNSCOPED_INFO(error.description);
    CHECK(valid);
  }
}

TEST_CASE("a profile goes on from the one it extends, and a node from both") {
  auto text = std::string{"profile: prod\n"
                          "profiles:\n"
                          "  base: {run: {agents_max: 3, iterations_max: 7}}\n"
                          "  prod: {extends: base, run: {agents_max: 5}}\n"
                          "run: {runs_max: 11, iterations_max: 1}\n"
                          "nodes:\n- {name: n1, "}
              + everything + ", run: {runs_max: 12}}\n";
  manifest_file on_disk{text};
  auto prod = load_manifest(on_disk.path());
  if (!prod)
    FAIL(prod.error().text);
  CHECK(prod->profile == "prod");
  CHECK(prod->nodes[0].run.agents_max == 5);
  CHECK(prod->nodes[0].run.iterations_max == 7);
  CHECK(prod->nodes[0].run.runs_max == 12);
  // What is asked for wins over what the file says.
  auto base = load_node(on_disk.path(), "n1", "base");
  REQUIRE(base);
  CHECK(base->run.agents_max == 3);
}

TEST_CASE("profiles that cannot be are refused with their line") {
  CHECK(complaint("profile: prod\n" + one_node)
        == "1: profile: no profile is named prod; known: none");
  CHECK(complaint("profiles:\n  dev: {}\n" + one_node, "prod")
        == "1: profile: no profile is named prod; known: dev");
  CHECK(complaint("profiles:\n"
                  "  a: {extends: b}\n"
                  "  b: {extends: c}\n"
                  "  c: {extends: a}\n"
                  + one_node)
        == "4: profiles.a.extends: extends itself, by way of others");
  CHECK(complaint("profiles:\n  a: {extends: a}\n" + one_node)
        == "2: profiles.a.extends: extends itself, by way of others");
  CHECK(complaint("profiles:\n  a: {extends: nobody}\n" + one_node)
        == "2: profiles: no profile is named nobody");
  CHECK(complaint("profiles:\n  dev:\n    run: {agents_mx: 3}\n" + one_node)
        == "3: profiles.dev.run.agents_mx: unknown key; did you mean "
           "agents_max?");
  CHECK(complaint("profiles:\n  dev: {nodes: []}\n" + one_node)
            .starts_with("2: profiles.dev.nodes: unknown key"));
}

TEST_CASE("two nodes of one machine that want one port are refused") {
  CHECK(complaint(two_nodes("host: a", "host: a"))
        == "3: nodes[1].http: n2 and n1 both listen on port 8080 of a");
  CHECK(complaint(two_nodes("host: a", "host: b")) == "(accepted)");
  CHECK(complaint(two_nodes("http: {listen: 127.0.0.1:0, admin_listen: "
                            "127.0.0.1:0}",
                            "http: {listen: 127.0.0.1:0, admin_listen: "
                            "127.0.0.1:0}"))
        == "(accepted)");
  // Every address is also that one.
  CHECK(complaint("insecure: true\n"
                  + two_nodes("http: {listen: 0.0.0.0:70, admin_listen: "
                              "127.0.0.1:71}",
                              "http: {listen: 127.0.0.1:72, admin_listen: "
                              "127.0.0.1:70}"))
        == "4: nodes[1].http: n2 and n1 both listen on port 70 of 127.0.0.1");
  CHECK(complaint(two_nodes("http: {listen: 127.0.0.1:70, admin_listen: "
                            "127.0.0.1:71}",
                            "http: {listen: 127.0.0.2:70, admin_listen: "
                            "127.0.0.2:71}"))
        == "(accepted)");
}

TEST_CASE("a role that the cluster needs must be played") {
  CHECK(complaint("nodes:\n- {name: n1, roles: [gateway, orchestrator, "
                  "agent]}\n")
        == "2: nodes: nobody plays the role llm, and no task can be carried "
           "out without");
}

TEST_CASE("a node that carries tasks carries their agents") {
  const std::string rest
      = "- {name: n2, host: b, roles: [gateway, llm, tool]}\n";
  const std::string both
      = "3: nodes[1].roles: orchestrator and agent go together: a node that "
        "carries tasks carries their agents";
  for (std::string one : {"orchestrator", "agent"})
    CHECK(complaint(one_node + "- {name: n2, roles: [" + one + "]}\n") == both);
  CHECK(complaint("nodes:\n- {name: n1, roles: [orchestrator, agent]}\n" + rest)
        == "(accepted)");
  CHECK(complaint("nodes:\n- {name: n1, roles: [gateway, orchestrator, agent, "
                  "llm]}\n")
        == "2: nodes: nobody plays the role tool, and no task can be carried "
           "out without");
}

TEST_CASE("a node may have limits of its own, whatever its roles") {
  manifest_file on_disk{two_nodes(
      "mailbox_max: 5000, memory_max: 2GiB, "
      "browser: {sessions_max: 50}, daemon: {connections_per_user_max: 7}",
      "host: b, workers: 3")};
  auto got = load_manifest(on_disk.path());
  if (!got)
    FAIL(got.error().text);
  CHECK(got->nodes[0].node.mailbox_max == 5'000);
  CHECK(got->nodes[0].node.memory_max == 2ull << 30);
  CHECK(got->nodes[0].browser.sessions_max == 50);
  CHECK(got->nodes[0].daemon.connections_per_user_max == 7);
  CHECK(got->nodes[1].node.mailbox_max == 10'000);
  CHECK(got->nodes[1].browser.sessions_max != 50);
  CHECK(complaint(two_nodes("mailbox_max: 3", "workers: 1"))
            .starts_with("2: nodes[0].mailbox_max: expected"));
}

TEST_CASE("leases that cannot hold are refused") {
  CHECK(complaint("membership: {lease: 2s, renew_every: 1s}\n" + one_node)
            .find("membership.lease must be more than twice renew_every")
        != std::string::npos);
}

TEST_CASE("a mistake in any node is told, whichever is started") {
  CHECK(complaint(two_nodes("workers: 2", "workers: many"))
            .starts_with("3: nodes[1].workers: expected"));
  manifest_file on_disk{two_nodes("workers: 2", "workers: many")};
  CHECK_FALSE(load_node(on_disk.path(), "n1", {}));
}

TEST_CASE(
    "links listen beyond loopback only with TLS, and HTTP, which has none, "
    "only if the manifest says that it is insecure") {
  auto open = two_nodes("host: a, link: {listen: 0.0.0.0:70}",
                        "host: b, link: {listen: 0.0.0.0:70}");
  CHECK(complaint(open).find("link.listen: other hosts reach 0.0.0.0:70: give "
                             "tls a ca, cert and key")
        != std::string::npos);
  CHECK(complaint("insecure: true\n" + open) == "(accepted)");
  CHECK(complaint("tls: {ca: c.pem, cert: n.pem, key: n.key}\n" + open)
        == "(accepted)");
  CHECK(complaint(two_nodes("host: a, link: {listen: 127.0.0.1:70}",
                            "host: b, link: {listen: '[::1]:70'}"))
        == "(accepted)");
  for (std::string door : {"listen", "admin_listen"}) {
    auto http
        = two_nodes("host: a", "host: b, http: {" + door + ": 192.0.2.1:81}");
    CHECK(complaint(http).starts_with("3: http." + door
                                      + ": other hosts reach 192.0.2.1:81"));
    CHECK(complaint("insecure: true\n" + http) == "(accepted)");
  }
  CHECK(complaint("insecure: maybe\n" + one_node)
        == "1: insecure: expected true or false, found \"maybe\"");
}

TEST_CASE("half of what TLS needs is refused, and a node may have its own") {
  CHECK(complaint("tls: {ca: c.pem}\n" + one_node)
            .find("tls needs ca, cert and key, or none of them")
        != std::string::npos);
  manifest_file on_disk{
      "tls: {ca: c.pem, cert: all.pem, key: all.key}\n"
      + two_nodes("host: a", "host: b, tls: {cert: n2.pem, key: n2.key}")};
  auto got = load_manifest(on_disk.path());
  if (!got)
    FAIL(got.error().text);
  CHECK(got->nodes[0].tls.cert == "all.pem");
  CHECK(got->nodes[1].tls.ca == "c.pem");
  CHECK(got->nodes[1].tls.cert == "n2.pem");
}

TEST_CASE("a port of a link is a port like any other") {
  CHECK(complaint(two_nodes("host: a, link: {listen: 127.0.0.1:70}, http: "
                            "{listen: 127.0.0.1:71, admin_listen: "
                            "127.0.0.1:72}",
                            "host: a, link: {listen: 127.0.0.1:71}, http: "
                            "{listen: 127.0.0.1:73, admin_listen: "
                            "127.0.0.1:74}"))
        == "3: nodes[1].link: n2 and n1 both listen on port 71 of a");
  CHECK(complaint(two_nodes("host: a, link: {listen: 127.0.0.1:70}", "host: b"))
            .find("only one has link.listen")
        != std::string::npos);
}
