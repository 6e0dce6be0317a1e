#include "actors/llm/breaker.hpp"
#include "actors/llm/models/affordable.hpp"
#include "actors/llm/models/catalogue.hpp"
#include "actors/llm/models/routing.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace shannon;
using namespace shannon::llm;
using namespace std::chrono_literals;

namespace {

using variables = std::map<std::string, std::string>;

environment from(variables values) {
  return [values = std::move(values)](
             const std::string& name) -> std::optional<std::string> {
    auto at = values.find(name);
    return at == values.end() ? std::nullopt : std::optional{at->second};
  };
}

catalogue shipped(variables values = {}) {
  auto got = load_catalogue("", from(std::move(values)));
  INFO((got ? "" : got.error().text));
  REQUIRE(got);
  return *got;
}

std::vector<std::string> ids(const catalogue& all, const std::string& tier,
                             const std::string& provider = "",
                             const std::string& model = "") {
  remote::LlmRequest request;
  request.set_tier(tier);
  request.set_provider(provider);
  request.set_model(model);
  auto got = candidates(all, request);
  std::vector<std::string> out;
  if (!got)
    return {std::string{"!"} + std::string{to_string(got.error().code)}};
  for (const auto& one : *got)
    out.push_back(one.model.id);
  return out;
}

const std::string head = "providers:\n  p:\n    kind: openai\n"
                         "    base_url: http://127.0.0.1:9/v1\n";
const std::string model
    = "models:\n  - id: m\n    provider: p\n"
      "    tier: small\n    prices: {input: 1, output: 2}\n";

} // namespace

TEST_CASE("without keys only the local model answers") {
  auto all = shipped();
  for (const auto* tier : {"", "small", "medium", "large"})
    CHECK(ids(all, tier) == std::vector<std::string>{"local-rules-1"});
  CHECK(ids(all, "", "openai") == std::vector<std::string>{"!denied"});
  CHECK(ids(all, "", "", "gpt-5") == std::vector<std::string>{"!denied"});
  CHECK(ids(all, "", "", "gpt-99") == std::vector<std::string>{"!not_found"});
  CHECK(ids(all, "huge") == std::vector<std::string>{"!invalid_argument"});
  CHECK(ids(all, "", "nobody") == std::vector<std::string>{"!not_found"});
}

TEST_CASE("a key makes a provider usable; tiers and priorities order it") {
  auto all = shipped({{"OPENAI_API_KEY", "k"}, {"ANTHROPIC_API_KEY", "k"}});
  auto medium = ids(all, "");
  CHECK(medium[0] == "gpt-5-mini");
  CHECK(medium[1] == "gpt-4.1");
  CHECK(medium[2] == "claude-sonnet-4-5");
  CHECK(std::find(medium.begin(), medium.end(), "local-rules-1")
        == medium.end());
  CHECK(ids(all, "large")[0] == "gpt-5");
  CHECK(ids(all, "small", "anthropic")[0] == "claude-haiku-4-5");
  CHECK(ids(all, "", "", "claude-opus-4-5")
        == std::vector<std::string>{"claude-opus-4-5"});
  CHECK(ids(all, "", "openai", "claude-opus-4-5")
        == std::vector<std::string>{"!invalid_argument"});
  CHECK(ids(all, "", "openai", "gpt-new")
        == std::vector<std::string>{"gpt-new"});
  CHECK(ids(all, "", "local") == std::vector<std::string>{"local-rules-1"});
}

TEST_CASE("a base URL of one's own needs no key, and one model may do all") {
  auto all = shipped({{"OPENAI_BASE_URL", "http://[::1]:11434/v1/"},
                      {"SHANNON_OPENAI_MODEL", "llama3"}});
  const auto* openai = all.provider("openai");
  REQUIRE(openai);
  CHECK(openai->is_usable());
  CHECK(openai->url.host == "::1");
  CHECK(openai->url.port == 11434);
  CHECK(openai->url.path == "/v1");
  CHECK(!openai->url.tls);
  for (const auto* tier : {"small", "medium", "large"})
    CHECK(ids(all, tier) == std::vector<std::string>{"llama3"});
}

TEST_CASE("Anthropic's base URL may name the version or not") {
  for (const auto* url : {"http://h", "http://h/", "http://h/v1"})
    CHECK(shipped({{"ANTHROPIC_BASE_URL", url}})
              .provider("anthropic")
              ->url.path.empty());
}

TEST_CASE("a model in the place of others keeps its price") {
  auto all
      = shipped({{"OPENAI_API_KEY", "k"}, {"SHANNON_OPENAI_MODEL", "gpt-5"}});
  REQUIRE(all.model("gpt-5"));
  CHECK(all.model("gpt-5")->costs.input == 1'250'000);
  CHECK(!all.model("gpt-5-mini"));
}

TEST_CASE("a models file is read strictly, with line and key") {
  struct row {
    std::string yaml;
    std::string expected;
  };
  for (const auto& [yaml, expected] : std::vector<row>{
           {head + model + "extra: 1\n", ":10: models file: unknown key extra"},
           {head + "    key: k\n" + model, ":5: providers.p: unknown key key"},
           {head + model + "    colour: red\n",
            ":10: models: unknown key colour"},
           {head + "models: []\n", "a list expected"},
           {head, "a list expected"},
           {"[]", "a map expected"},
           {"providers: {p: {kind: cobol, base_url: http://h}}\n" + model,
            "local, openai or anthropic expected"},
           {"providers: {p: {kind: openai, base_url: ftp://h}}\n" + model,
            "http:// or https:// expected"},
           {"providers: {p: {kind: openai}}\n" + model, "base_url is missing"},
           {head + "models: [{id: m, provider: q, tier: small}]\n",
            "unknown provider q"},
           {head + "models: [{id: m, provider: p, tier: tiny}]\n",
            "small, medium or large expected"},
           {head + "models: [{id: m, provider: p, tier: small}]\n",
            "prices is missing"},
           {head
                + "models: [{id: m, provider: p, tier: small, prices: "
                  "{input: -1, output: 1}}]\n",
            "US dollars"},
           {head
                + "models: [{id: m, provider: p, tier: small, priority: x, "
                  "prices: {input: 1, output: 1}}]\n",
            "priority: a whole number"},
           {head + model + model.substr(8), "stands twice"},
           {"providers: {", "line"},
       }) {
    auto got = parse_catalogue(yaml, "f.yaml", from({}));
    INFO(yaml);
    REQUIRE(!got);
    INFO(got.error().text);
    CHECK(got.error().code == errc::invalid_argument);
    CHECK(got.error().text.find("f.yaml:") == 0);
    if (expected != "line")
      CHECK(got.error().text.find(expected) != std::string::npos);
  }
  CHECK(parse_catalogue(head + model, "f.yaml", from({})));
  CHECK(!load_catalogue("/nonexistent/models.yaml", from({})));
}

TEST_CASE("a base URL is taken apart or refused") {
  auto got = parse_base_url("https://api.example.com:8443/a/b/");
  REQUIRE(got);
  CHECK(got->tls);
  CHECK(got->host == "api.example.com");
  CHECK(got->port == 8443);
  CHECK(got->path == "/a/b");
  for (const auto* bad : {"", "example.com", "http://", "http://h:0",
                          "http://h:99999", "http://h:x", "http://user:pw@h",
                          "http://h/?q", "http://h/#f", "http://h h"})
    CHECK(!parse_base_url(bad));
  CHECK(parse_base_url("http://user:pw@h").error().text.find("pw")
        == std::string::npos);
}

// -- prices -------------------------------------------------------------------

TEST_CASE("prices are exact to the sixth decimal") {
  CHECK(parse_price("0.25") == 250'000);
  CHECK(parse_price("15") == 15'000'000);
  CHECK(parse_price("0.000001") == 1);
  CHECK(parse_price("0") == 0);
  CHECK(parse_price("1000") == price_max);
  for (const auto* bad : {"", ".", "-1", "1e3", "0.0000001", "1001", "1.2.3",
                          "99999999999999999999", " 1"})
    CHECK(!parse_price(bad));
}

TEST_CASE("a cost is counted in whole nano-dollars, rounded up") {
  prices of{250'000, 2'000'000, 25'000, 312'500};
  remote::TokenUsage usage;
  usage.set_input_tokens(1'000);
  usage.set_output_tokens(500);
  CHECK(cost_nanousd(of, usage) == 250'000 + 1'000'000);
  usage.set_cache_read_tokens(400);
  usage.set_cache_write_tokens(100);
  CHECK(cost_nanousd(of, usage) == 500 * 250 + 400 * 25 + 31'250 + 1'000'000);
  remote::TokenUsage one;
  one.set_input_tokens(1);
  CHECK(cost_nanousd({1, 0, 0, 0}, one) == 1);
  CHECK(cost_nanousd({0, 0, 0, 0}, one) == 0);
  one.set_input_tokens(INT64_MAX);
  one.set_output_tokens(INT64_MAX);
  CHECK(cost_nanousd({price_max, price_max, 0, 0}, one) > 0);
}

// -- breaker ------------------------------------------------------------------

TEST_CASE("a breaker opens after failures in a row and probes with one call") {
  breaker one;
  breaker::time_point now{};
  for (int i = 0; i < 4; ++i) {
    CHECK(one.admit(now));
    one.failed(now);
  }
  CHECK(one.admit(now));
  one.succeeded(); // Starts the count anew.
  for (int i = 0; i < 5; ++i)
    one.failed(now);
  CHECK(!one.admit(now));
  CHECK(one.wait(now) == 10s);
  CHECK(!one.admit(now + 9s));
  CHECK(one.admit(now + 10s));
  CHECK(!one.admit(now + 10s)); // One probe only.
  one.succeeded();
  CHECK(one.admit(now + 10s));
  CHECK(!one.is_open());
}

TEST_CASE("a breaker stays open longer each time its probe fails") {
  breaker one;
  breaker::time_point now{};
  for (int i = 0; i < 5; ++i)
    one.failed(now);
  for (auto expected : {20s, 40s, 60s, 60s}) {
    now += one.wait(now);
    REQUIRE(one.admit(now));
    one.failed(now);
    CHECK(one.wait(now) == expected);
  }
  now += 60s;
  REQUIRE(one.admit(now));
  one.undecided(); // A cancelled probe: the next may try.
  CHECK(one.admit(now));
}

TEST_CASE("failures of calls sent before it opened do not prolong it") {
  breaker one;
  breaker::time_point now{};
  for (int i = 0; i < 20; ++i)
    one.failed(now);
  CHECK(one.wait(now) == 10s);
}

TEST_CASE("an answer is kept as short as a budget pays for") {
  model_entry model;
  model.id = "m";
  model.output_tokens = 4'000;
  model.costs = {2'000'000, 10'000'000, 0, 0}; // 2 and 10 dollars a million.
  remote::LlmRequest asked;
  auto& message = *asked.add_messages();
  message.set_text(std::string(4'000, 'x')); // 1,000 tokens: 2,000,000 nano.
  auto kept = [&](std::int64_t most, std::uint32_t wished) {
    auto copy = asked;
    copy.set_cost_nanousd_max(most);
    copy.set_max_output_tokens(wished);
    auto done = keep_affordable(copy, model);
    return done ? static_cast<std::int64_t>(copy.max_output_tokens()) : -1;
  };
  CHECK(kept(0, 0) == 0);              // No bound.
  CHECK(kept(12'000'000, 0) == 1'000); // What is left pays for so many.
  CHECK(kept(12'000'000, 500) == 500); // Shorter was wished.
  CHECK(kept(12'000'000, 5'000) == 1'000);
  CHECK(kept(1'000'000'000, 0) == 0); // The model's own limit is lower.
  CHECK(kept(2'640'000, 0) == 64);    // The least that is worth it.
  CHECK(kept(2'630'000, 0) == -1);
  CHECK(kept(1'000'000, 0) == -1); // Not even the question.
  message.add_attachments();
  CHECK(kept(5'210'000, 0) == -1); // A picture costs, too.
  CHECK(kept(15'200'000, 0) == 1'000);
  model.costs = {};
  CHECK(kept(1, 0) == 0); // It costs nothing.
}

TEST_CASE("with a model whose price is not listed no budget can be kept") {
  auto all = shipped({{"OPENAI_API_KEY", "k"}});
  remote::LlmRequest asked;
  asked.set_model("gpt-unlisted");
  asked.set_provider("openai");
  CHECK(candidates(all, asked));
  asked.set_cost_nanousd_max(1'000'000);
  auto got = candidates(all, asked);
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::denied);
}
