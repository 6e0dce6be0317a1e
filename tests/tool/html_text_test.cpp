#include "actors/tool/builtin/html_text.hpp"
#include "actors/tool/builtin/page.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>

using namespace shannon::tool;

TEST_CASE("a page becomes the text a reader sees") {
  auto page = html_to_text(R"(<!doctype html><html><head>
    <title> A  page </title><style>p{}</style><script>evil()</script></head>
    <body><nav><a href="/">Home</a></nav><h1>Head</h1>
    <p>One &amp; two,<br>three <a href="x">link</a>.</p>
    <ul><li>a</li><li><p>b</p></li></ul>
    <table><tr><td>1</td><td>2</td></tr></table>
    <pre>x
  y</pre><!-- hidden --><noscript>no</noscript>
    <footer>legal</footer></body></html>)",
                           10'000);
  CHECK(page.title == "A page");
  CHECK(page.links == 2);
  CHECK_FALSE(page.truncated);
  CHECK(page.text
        == "# Head\n\nOne & two,\nthree link.\n\n- a\n- b\n\n1  2\n\nx\n  y");
}

TEST_CASE("the main part of a page stands for it if there is text in it") {
  auto filler = std::string(300, 'm');
  CHECK(html_to_text("<body>menu<main>" + filler + "</main></body>", 1000).text
        == filler);
  CHECK(html_to_text("<body>menu<main></main></body>", 1000).text == "menu");
}

TEST_CASE("text beyond the limit is cut at a character") {
  std::string body;
  for (int i = 0; i < 100; ++i)
    body += "\xc3\xa9";
  auto page = html_to_text("<p>" + body, 51);
  CHECK(page.truncated);
  CHECK(page.text.size() == 50);
}

TEST_CASE("any bytes give some text") {
  for (const std::string& text :
       {std::string{}, std::string{"<"}, std::string{"<p"},
        std::string{"\xff\xfe<p>x"}, std::string{"<p>\0x", 5},
        std::string{"&#0;"}, std::string{"<!--"}, std::string{"</p></p>"},
        std::string{"<svg><title>x"}})
    CHECK_NOTHROW(html_to_text(text, 100));
}

TEST_CASE("a page made to be expensive ends within seconds") {
  auto begun = std::chrono::steady_clock::now();
  std::string deep;
  for (int i = 0; i < 300'000; ++i)
    deep += "<div>";
  auto nested = html_to_text(deep + "end", 1000);
  CHECK(nested.text == "end");
  std::string formats;
  for (int i = 0; i < 20'000; ++i)
    formats += "<b a=" + std::to_string(i) + "><p>";
  html_to_text(formats + "end", 1000);
  std::string attributes = "<a";
  for (int i = 0; i < 50'000; ++i)
    attributes += " a" + std::to_string(i) + "=1";
  html_to_text(attributes + ">end", 1000);
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{20});
}

TEST_CASE("the content type decides how a body is read") {
  CHECK(kind_of("text/html; charset=utf-8", "") == page_kind::html);
  CHECK(kind_of("Application/XHTML+xml", "") == page_kind::html);
  for (const char* type : {"text/plain", "application/json", "text/csv",
                           "application/ld+json", "application/rss+xml"})
    CHECK(kind_of(type, "") == page_kind::text);
  for (const char* type : {"image/png", "application/pdf", "video/mp4",
                           "application/octet-stream"})
    CHECK(kind_of(type, "") == page_kind::refused);
  CHECK(kind_of("", " <html>") == page_kind::html);
  CHECK(kind_of("", "hello") == page_kind::text);
  CHECK(kind_of("", "\x7f"
                    "ELF\xff")
        == page_kind::refused);
}
