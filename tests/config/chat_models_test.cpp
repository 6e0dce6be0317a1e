#include "config/chat_models.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::config;

TEST_CASE("the chat models compiled in are those of the contract") {
  auto got = load_chat_models("");
  REQUIRE(got);
  std::vector<std::string> ids;
  for (const auto& model : got->all)
    ids.push_back(model.id);
  CHECK(ids
        == std::vector<std::string>{
            "shannon-chat", "shannon-complex", "shannon-quick-research",
            "shannon-standard-research", "shannon-deep-research",
            "shannon-academic-research"});
  CHECK(got->find("shannon-chat")->mode == "simple");
  CHECK(got->find("shannon-complex")->mode == "supervisor");
  CHECK(got->find("shannon-deep-research")->research == "deep");
  CHECK(got->find("gpt-5") == nullptr);
}

TEST_CASE("a bad list of chat models is refused with its line") {
  auto why = [](const std::string& yaml) {
    auto got = parse_chat_models(yaml, "m.yaml");
    REQUIRE(!got);
    CHECK(got.error().code == errc::invalid_argument);
    return got.error().text;
  };
  CHECK(why("models: []")
        == "m.yaml:1: one key `models` with a list of models expected");
  CHECK(why("models:\n  - id: a\n    colour: red\n")
        == "m.yaml:3: unknown key colour (allowed: id, description, mode, "
           "research, max_tokens, created)");
  CHECK(why("models:\n  - id: a\n  - id: a\n")
        == "m.yaml:3: model a stands twice");
  CHECK(why("models:\n  - id: a\n    mode: fast\n")
        == "m.yaml:3: mode: fast, expected one of: simple, standard, complex, "
           "supervisor");
  CHECK(why("models:\n  - id: a\n    max_tokens: 0\n")
        == "m.yaml:3: max_tokens: a whole number from 1 to 16384 expected");
  CHECK(why("models:\n  - mode: simple\n") == "m.yaml:2: a model without id");
  CHECK(why("models: [").rfind("m.yaml:", 0) == 0);
  CHECK(load_chat_models("/nowhere/models.yaml").error().text
        == "http.chat_models_file: /nowhere/models.yaml cannot be read");
}
