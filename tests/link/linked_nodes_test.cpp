// Two nodes as one starts them, with certificates as one makes them.

#include "tests/kit/postgres_fixture.hpp"
#include "tests/nodes/process.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

struct installation {
  installation() {
    char name[] = "/tmp/shannon-linked-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    folder = name;
    for (const auto& made :
         {run_shannon({"certs", "init", "--dir", folder + "/tls"}),
          run_shannon({"certs", "issue", "n1", "--dir", folder + "/tls"}),
          run_shannon({"certs", "issue", "n2", "--dir", folder + "/tls"})}) {
      INFO(made.err);
      REQUIRE(made.code == 0);
    }
    write_manifest("n2");
  }
  ~installation() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  /// `shown`: whose certificate n2 shows.
  void write_manifest(const std::string& shown) const {
    std::ofstream out{folder + "/cluster.yaml"};
    out << "cluster: duo\ntool: {workspace_dir: " << folder
        << "/work}\nnodes:\n";
    for (const std::string node : {"n1", "n2"}) {
      auto files = folder + "/tls/" + (node == "n2" ? shown : node);
      out << "- name: " << node
          << "\n  roles: [gateway, orchestrator, agent, llm, tool]\n"
             "  http: {listen: \"127.0.0.1:0\", admin_listen: "
             "\"127.0.0.1:0\"}\n"
             "  link: {listen: \"127.0.0.1:0\"}\n"
             "  tls: {ca: "
          << folder << "/tls/ca.pem, cert: " << files << ".pem, key: " << files
          << ".key}\n";
    }
  }

  std::vector<std::string> node(const std::string& name) const {
    return {SHANNON_BINARY, "node", "--manifest", folder + "/cluster.yaml",
            "--name",       name,   "--dev"};
  }
  environment surroundings() const {
    return {"SHANNON_DATABASE_URL=" + dsn,
            "SHANNON_REDIS_URL=", "OPENAI_API_KEY=", "ANTHROPIC_API_KEY="};
  }

  std::string dsn = fresh_database();
  std::string folder;
};

} // namespace

TEST_CASE("two nodes find each other through their database and are linked, "
          "encrypted; one that ends says so") {
  installation here;
  process one{here.node("n1"), here.surroundings()};
  process two{here.node("n2"), here.surroundings()};
  INFO(one.err() << two.err());
  REQUIRE(one.await("\"event\":\"link-up\"", 20s));
  REQUIRE(two.await("\"event\":\"link-up\"", 20s));
  CHECK(one.err().find("\"tls\":true") != std::string::npos);
  CHECK(one.err().find("\"same_schema\":true") != std::string::npos);
  CHECK(one.err().find("links-insecure") == std::string::npos);
  two.signal(SIGTERM);
  CHECK(one.await("the peer says: the node ends", 10s));
  CHECK(two.wait().code == 0);
  one.signal(SIGTERM);
  CHECK(one.wait().code == 0);
}

TEST_CASE("a node does not start with the certificate of another") {
  installation here;
  here.write_manifest("n1");
  process two{here.node("n2"), here.surroundings()};
  auto got = two.wait();
  CHECK(got.code != 0);
  CHECK(got.err.find("does not name node n2") != std::string::npos);
}
