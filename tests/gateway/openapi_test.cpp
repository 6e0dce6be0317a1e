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

TEST_CASE("everything that is named is there, and everything there is named") {
  auto doc = openapi_document();
  std::set<std::string> named;
  collect(doc, named);
  for (const auto& ref : named) {
    INFO(ref);
    REQUIRE(ref.starts_with("#/"));
    CHECK(doc.contains(json_out::json_pointer{ref.substr(1)}));
  }
  for (const char* kind : {"schemas", "headers"})
    for (const auto& [name, what] : doc["components"][kind].items()) {
      INFO(kind << " " << name);
      CHECK(named.count("#/components/" + std::string{kind} + "/" + name) == 1);
    }
}

namespace {

/// The schemas of a refusal's body.
std::set<std::string> errors(const json_out& doc, const std::string& path,
                             const std::string& method,
                             const std::string& status) {
  std::set<std::string> refs;
  collect(doc["paths"][path][method]["responses"][status]["content"], refs);
  std::set<std::string> names;
  for (const auto& ref : refs)
    names.insert(ref.substr(ref.rfind('/') + 1));
  return names;
}

using texts = std::set<std::string>;

} // namespace

TEST_CASE("each surface refuses in its own words") {
  auto doc = openapi_document();
  for (const char* status : {"400", "401", "403", "404", "429", "503"}) {
    INFO(status);
    CHECK(errors(doc, "/v1/chat/completions", "post", status)
          == texts{"OpenAiError"});
    CHECK(errors(doc, "/v1/messages", "post", status)
          == texts{"AnthropicError"});
    CHECK(errors(doc, "/v1/completions", "post", status)
          == texts{"OpenAiError", "DetailError"});
  }
  CHECK(errors(doc, "/v1/models", "get", "401")
        == texts{"OpenAiError", "AnthropicError"});
  CHECK(errors(doc, "/api/v1/auth/register", "post", "400")
        == texts{"AuthError"});
  CHECK(errors(doc, "/api/v1/tasks", "post", "400") == texts{"Error"});
  CHECK(errors(doc, "/api/v1/tasks", "post", "429") == texts{"RateLimited"});
  // What the routes do not know of is not said of them.
  CHECK(doc["paths"]["/api/v1/tasks"]["get"]["responses"].count("404") == 0);
}

TEST_CASE("answers are described with their headers") {
  auto doc = openapi_document();
  auto headers = [&](const char* path, const char* method, const char* status) {
    texts out;
    for (const auto& [name, value] :
         doc["paths"][path][method]["responses"][status]["headers"].items())
      out.insert(name);
    return out;
  };
  const texts traced{"X-Trace-ID", "X-Span-ID"};
  const texts counted{"X-Trace-ID",
                      "X-Span-ID",
                      "X-RateLimit-Limit-Minute",
                      "X-RateLimit-Remaining-Minute",
                      "X-RateLimit-Limit-Hour",
                      "X-RateLimit-Remaining-Hour",
                      "X-RateLimit-Reset",
                      "RateLimit-Policy",
                      "RateLimit"};
  auto with = [](texts all, const texts& more) {
    all.insert(more.begin(), more.end());
    return all;
  };
  for (const char* path : {"/v1/chat/completions", "/v1/messages"}) {
    CHECK(headers(path, "post", "200")
          == with(counted,
                  {"X-Workflow-ID", "X-Session-ID", "X-Shannon-Session-ID"}));
    CHECK(headers(path, "post", "429") == with(counted, {"Retry-After"}));
    CHECK(headers(path, "post", "401") == with(traced, {"WWW-Authenticate"}));
  }
  CHECK(headers("/v1/completions", "post", "200")
        == with(counted, {"X-Idempotency-Cached", "X-Idempotency-Key"}));
  CHECK(headers("/api/v1/tasks/stream", "post", "201")
        == with(counted, {"X-Workflow-ID", "X-Session-ID", "Link",
                          "X-Idempotency-Cached", "X-Idempotency-Key"}));
  CHECK(headers("/api/v1/tasks/{id}/stream", "get", "307")
        == with(traced, {"Location"}));
  CHECK(headers("/api/v1/auth/register", "post", "429")
        == with(traced, {"RateLimit-Policy", "RateLimit", "Retry-After"}));
  CHECK(headers("/health", "get", "200").empty());
}

TEST_CASE("streams and texts are described by their media types") {
  auto doc = openapi_document();
  auto media = [&](const char* path, const char* method, const char* status) {
    texts out;
    for (const auto& [name, value] :
         doc["paths"][path][method]["responses"][status]["content"].items())
      out.insert(name);
    return out;
  };
  for (const char* path :
       {"/v1/chat/completions", "/v1/messages", "/v1/completions"})
    CHECK(media(path, "post", "200")
          == texts{"application/json", "text/event-stream"});
  CHECK(media("/api/v1/stream/sse", "get", "200")
        == texts{"text/event-stream"});
  CHECK(media("/metrics", "get", "200") == texts{"text/plain; version=0.0.4"});
  CHECK(media("/api/v1/blob/{key}", "get", "200") == texts{"text/plain"});
  CHECK(media("/api/v1/tasks", "get", "200") == texts{"application/json"});
  CHECK(media("/api/v1/stream/ws", "get", "101").empty());
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
