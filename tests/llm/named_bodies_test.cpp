#include "actors/kit/bytes_text.hpp"
#include "actors/llm/named_bodies.hpp"
#include "tests/llm/requests.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shannon;
using remote::ChatMessage;

namespace {

std::string key_of(const std::string& hash) {
  return "shannon:blob:" + kit::to_hex(hash);
}

const std::string first(32, 'a');
const std::string second(32, 'b');

void attach(ChatMessage& to, const std::string& type, const std::string& url,
            const std::string& name = {}) {
  auto& what = *to.add_attachments();
  what.set_media_type(type);
  what.set_url(url);
  what.set_name(name);
}

} // namespace

TEST_CASE("each body that a request names is named once") {
  remote::LlmRequest request;
  auto& one = test::add(request, ChatMessage::USER, "one");
  attach(one, "image/png", key_of(first));
  attach(one, "image/png", "https://example.org/a.png");
  attach(one, "image/png", "shannon:blob:beef");
  auto& two = test::add(request, ChatMessage::USER, "two");
  attach(two, "image/png", key_of(second));
  attach(two, "image/png", key_of(first));
  CHECK(llm::bodies_named(request)
        == std::vector<store::blob_hash>{first, second});
}

TEST_CASE("a model is shown pictures, told texts, and of the rest that it is "
          "there") {
  remote::LlmRequest request;
  auto& said = test::add(request, ChatMessage::USER, "look");
  attach(said, "image/jpeg", key_of(first));
  attach(said, "application/zip", key_of(second), "all.zip");
  attach(said, "image/svg+xml", key_of(second), "logo.svg");
  attach(said, "image/png", "https://example.org/a.png");
  attach(said, "text/csv", "https://example.org/a.csv", "a.csv");
  auto got = llm::with_bodies(request, {{first, "jpeg"}, {second, "<svg/>"}});
  const auto& told = got.messages(0);
  REQUIRE(told.attachments_size() == 2);
  CHECK(told.attachments(0).data_base64() == kit::to_base64("jpeg"));
  CHECK(told.attachments(0).url().empty());
  CHECK(told.attachments(1).url() == "https://example.org/a.png");
  CHECK(told.text()
        == "look\n\n[all.zip (application/zip, 6 bytes) is attached, but "
           "cannot be shown to a model]\n\n[logo.svg]\n<svg/>\n\n[a.csv "
           "(text/csv) is at https://example.org/a.csv]");
}

TEST_CASE("texts among the files of a request have one bound") {
  remote::LlmRequest request;
  auto& said = test::add(request, ChatMessage::USER, "");
  attach(said, "text/plain", key_of(first), "long");
  attach(said, "text/plain", key_of(second), "more");
  // A character of two bytes lies across the bound.
  auto half = llm::file_text_bytes_max - 3;
  auto got = llm::with_bodies(
      request, {{first, std::string(half, 'x')}, {second, "yy\u00e9"}});
  const auto& text = got.messages(0).text();
  CHECK(text.ends_with("[more]\nyy\n[the rest of 4 bytes was left out]"));
  CHECK(text.find("[long]\n" + std::string(half, 'x') + "\n\n")
        != std::string::npos);
}
