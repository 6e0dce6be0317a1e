#include "actors/kit/workspace/path.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace shannon::kit;

TEST_CASE("paths inside the workspace are taken") {
  const std::vector<std::pair<std::string, std::string>> lines{
      {"a", "a"},
      {"a/b", "a/b"},
      {"a//b", "a/b"},
      {"./a", "a"},
      {"a/./b/.", "a/b"},
      {"a/", "a"},
      {".", "."},
      {"./", "."},
      {"/workspace", "."},
      {"/workspace/", "."},
      {"/workspace/a/b", "a/b"},
      {"/workspace//a", "a"},
      {"workspace/a", "workspace/a"},
      {".hidden", ".hidden"},
      {"...", "..."},
      {"..a", "..a"},
      {"a..", "a.."},
      {"a. ", "a. "},
      {"a b", "a b"},
      {"~", "~"},
      {"~root/x", "~root/x"},
      {"$HOME", "$HOME"},
      // Nothing is decoded: these are names like any other.
      {"%2e%2e/x", "%2e%2e/x"},
      {"%252e%252e%252fx", "%252e%252e%252fx"},
      {"..%2fx", "..%2fx"},
      {"%2e%2e%5cx", "%2e%2e%5cx"},
      {"..%00/x", "..%00/x"},
      {"\xe2\x80\xa5/x", "\xe2\x80\xa5/x"},
      {"a\xe2\x88\x95"
       "b",
       "a\xe2\x88\x95"
       "b"},
      {"\xef\xbc\x8e\xef\xbc\x8e\xef\xbc\x8fx",
       "\xef\xbc\x8e\xef\xbc\x8e\xef\xbc\x8fx"},
      {"\xc3\xbc.txt", "\xc3\xbc.txt"},
      {"C:", "C:"},
      {"a:b", "a:b"},
      {"file:x", "file:x"},
      {std::string(255, 'a'), std::string(255, 'a')},
  };
  for (const auto& [text, meaning] : lines) {
    INFO(text);
    auto got = parse_path(text);
    REQUIRE(got);
    CHECK(to_text(*got) == meaning);
    for (const auto& part : *got) {
      CHECK(part != "..");
      CHECK(part.find('/') == std::string::npos);
    }
  }
}

TEST_CASE("paths that lead out or cannot be names are refused") {
  for (const std::string& text : std::vector<std::string>{
           "",
           "..",
           "../",
           "../x",
           "../../etc/passwd",
           "a/..",
           "a/../b",
           "a/../../x",
           "./..",
           "./../x",
           "a/b/../../../x",
           "a/./../x",
           "/workspace/..",
           "/workspace/../x",
           "/workspace/a/../../x",
           "/",
           "/etc/passwd",
           "//etc/passwd",
           "/../etc/passwd",
           "/proc/self/environ",
           "/proc/self/root/etc/passwd",
           "/proc/self/fd/3",
           "/dev/sda",
           "/tmp/x",
           "/workspacex/a",
           "/workspace2",
           "/Workspace/a",
           "..\\x",
           "..\\..\\x",
           "a\\b",
           "\\\\server\\share",
           "C:\\x",
           "a\nb",
           "a\rb",
           "a\tb",
           "a\x1b[2J",
           "a\x7f",
           std::string{"a\0b", 3},
           std::string{"\0", 1},
           std::string{"a.txt\0.png", 10},
           std::string{"..\0/x", 5},
           // Overlong and broken UTF-8.
           "\xc0\xae\xc0\xae/x",
           "\xe0\x80\xae/x",
           "\xc0\xaf",
           "a\xff",
           "\xed\xa0\x80",
           "\xf4\x90\x80\x80",
           "\x80",
           std::string(256, 'a'),
           std::string(4096, 'a'),
           "a/" + std::string(256, 'b'),
           std::string(2000, '/'),
       }) {
    INFO(text);
    auto got = parse_path(text);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == shannon::errc::invalid_argument);
  }
  std::string deep;
  for (int i = 0; i < 33; ++i)
    deep += "a/";
  CHECK_FALSE(parse_path(deep));
}

TEST_CASE("different ids have different folders, all of them plain names") {
  std::set<std::string> names;
  const std::vector<std::string> ids{"",
                                     ".",
                                     "..",
                                     "/",
                                     "a",
                                     "A",
                                     "a/b",
                                     "a%2fb",
                                     "a.b",
                                     "../a",
                                     "s-a",
                                     "h-a",
                                     std::string{"a\0", 2},
                                     "\xff",
                                     "a b",
                                     "\xc3\xa9",
                                     std::string(200, 'x'),
                                     std::string(201, 'x'),
                                     std::string(5000, '/')};
  for (const auto& id : ids) {
    auto name = folder_name(id);
    CHECK(names.insert(name).second);
    CHECK(name.size() <= 150);
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRS"
                                 "TUVWXYZ0123456789-_%")
          == std::string::npos);
  }
}
