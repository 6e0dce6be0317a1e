#include "actors/gateway/openai/models_json.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace shannon;
using namespace shannon::gateway;
using namespace shannon::gateway::chat;
using nlohmann::json;

namespace {

const config::chat_models agents{
    {{"shannon-chat", "General chat", "simple", "", 4096, 1'735'689'600}}};

remote::ModelList direct() {
  remote::ModelList all;
  auto& one = *all.add_models();
  one.set_model("big");
  one.set_provider("p");
  one.set_tier("large");
  one.set_priority(10);
  auto& other = *all.add_models();
  other.set_model("little");
  other.set_provider("q");
  other.set_tier("small");
  other.set_priority(20);
  return all;
}

} // namespace

TEST_CASE("agents and models are listed as OpenAI's clients know them") {
  auto got = models_answer(dialect::openai, agents, direct());
  CHECK(json::parse(got.body) == json::parse(R"({"object": "list", "data": [
    {"id": "shannon-chat", "object": "model", "created": 1735689600,
     "owned_by": "shannon"},
    {"id": "big", "object": "model", "created": 1735689600, "owned_by": "p"},
    {"id": "little", "object": "model", "created": 1735689600,
     "owned_by": "q"}]})"));
}

TEST_CASE("and as Anthropic's do") {
  auto got
      = json::parse(models_answer(dialect::anthropic, agents, direct()).body);
  CHECK(got["data"][1] == json::parse(R"({"type": "model", "id": "big",
    "display_name": "big", "created_at": "2025-01-01T00:00:00Z"})"));
  CHECK(got["has_more"] == false);
  CHECK(got["last_id"] == "little");
}

TEST_CASE("one model, with what it is, or 404") {
  auto agent = model_answer(dialect::openai, agents, direct(), "shannon-chat");
  CHECK(agent.status == 200);
  CHECK(agent.fields.back()
        == std::pair<std::string, std::string>{"X-Model-Description",
                                               "General chat"});
  CHECK(json::parse(agent.body)["owned_by"] == "shannon");
  CHECK(model_answer(dialect::openai, agents, direct(), "big").status == 200);
  auto none = model_answer(dialect::openai, agents, direct(), "huge");
  CHECK(none.status == 404);
  CHECK(json::parse(none.body)["error"]["type"] == "not_found_error");
  CHECK(json::parse(none.body)["error"]["code"] == "model_not_found");
}

TEST_CASE("models of a tier, and null where there are none") {
  auto small = llm_models_answer(direct(), "small");
  CHECK(small.body
        == R"({"models":[{"id":"little","provider":"q","tier":"small",)"
           R"("priority":20}]})"
           "\n");
  CHECK(json::parse(llm_models_answer(direct(), "").body)["models"].size()
        == 2);
  CHECK(llm_models_answer(direct(), "medium").body == "{\"models\":null}\n");
}

TEST_CASE("who speaks is told by the path, and by the version header") {
  auto of = [](const char* path, http_fields fields = {}) {
    http_request request;
    request.path = path;
    request.fields = std::move(fields);
    return dialect_of(request);
  };
  CHECK(of("/v1/chat/completions") == dialect::openai);
  CHECK(of("/v1/unknown") == dialect::openai);
  CHECK(of("/v1/completions") == dialect::completions);
  CHECK(of("/v1/messages") == dialect::anthropic);
  CHECK(of("/v1/models", {{"anthropic-version", "2023-06-01"}})
        == dialect::anthropic);
  CHECK(!of("/v1/ws/messages"));
  CHECK(!of("/api/v1/tasks"));
}
