// The description of the surface, made from the table that serves it.

#include "actors/gateway/routes/api_page.hpp"
#include "actors/gateway/routes/openapi.hpp"
#include "actors/gateway/routes/routes.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <string>

using namespace shannon::gateway;

namespace {

/// Every `$ref` in a document.
void collect(const json_out& at, std::set<std::string>& into) {
  if (at.is_object())
    for (const auto& [key, value] : at.items()) {
      if (key == "$ref")
        into.insert(value.get<std::string>());
      collect(value, into);
    }
  else if (at.is_array())
    for (const auto& one : at)
      collect(one, into);
}

} // namespace

TEST_CASE("every public route is described, and no other") {
  auto doc = openapi_document();
  CHECK(doc["openapi"] == "3.1.0");
  std::size_t described = 0;
  for (const auto& [path, methods] : doc["paths"].items())
    described += methods.size();
  std::size_t served = 0;
  for (const auto& line : routes()) {
    if (line.by == doors::admin)
      continue;
    ++served;
    INFO(line.pattern);
    CHECK_FALSE(line.summary.empty());
    CHECK_FALSE(line.tag.empty());
  }
  CHECK(described == served);
}

TEST_CASE("every schema that is named is there, every schema is named") {
  auto doc = openapi_document();
  std::set<std::string> named;
  collect(doc, named);
  const auto& schemas = doc["components"]["schemas"];
  for (const auto& ref : named) {
    INFO(ref);
    CHECK(schemas.contains(ref.substr(ref.rfind('/') + 1)));
  }
  for (const auto& [name, schema] : schemas.items()) {
    INFO(name);
    CHECK(named.count("#/components/schemas/" + name) == 1);
  }
}

TEST_CASE("operations have names of their own, and every brace a parameter") {
  auto doc = openapi_document();
  std::set<std::string> names;
  for (const auto& [path, methods] : doc["paths"].items())
    for (const auto& [method, one] : methods.items()) {
      INFO(method << " " << path);
      CHECK(names.insert(one["operationId"].get<std::string>()).second);
      std::size_t braces = 0;
      for (char c : path)
        braces += c == '{';
      std::size_t told = 0;
      for (const auto& parameter : one.value("parameters", json_out::array()))
        told += parameter["in"] == "path";
      CHECK(told == braces);
    }
}

TEST_CASE("a route that needs nobody known is one that says so") {
  // Deny by default: the list of exceptions is short, and here.
  std::set<std::string_view> open;
  for (const auto& line : routes())
    if (line.who == access::anybody)
      open.insert(line.pattern);
  CHECK(open
        == std::set<std::string_view>{
            "/health", "/health/live", "/health/ready", "/readiness",
            "/metrics", "/openapi.json",
            // What gives or takes a credential.
            "/api/v1/auth/register", "/api/v1/auth/refresh",
            "/api/auth/register", "/api/auth/login", "/api/auth/refresh"});
}

TEST_CASE("the page for people says what is served") {
  if (std::getenv("SHANNON_WRITE_GOLDEN"))
    std::ofstream{API_PAGE} << api_page();
  std::ifstream file{API_PAGE};
  std::string page{std::istreambuf_iterator<char>{file}, {}};
  CHECK(page == api_page());
}
