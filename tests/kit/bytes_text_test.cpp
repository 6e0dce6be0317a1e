#include "actors/kit/bytes_text.hpp"

#include <catch2/catch.hpp>

#include <cstddef>

using namespace shannon;

TEST_CASE("base64 reads back what it wrote and nothing else") {
  for (std::size_t size = 0; size < 70; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i)
      bytes += static_cast<char>(i * 37 + size);
    CHECK(kit::from_base64(kit::to_base64(bytes)) == bytes);
  }
  CHECK(kit::to_base64("any carnal pleas") == "YW55IGNhcm5hbCBwbGVhcw==");
  for (const char* text : {"=", "Y", "YW", "YW5", "YW=5",
                           "Y===", "YX==", " YW55", "YW55\n", "YW5-"})
    CHECK_FALSE(kit::from_base64(text));
}

TEST_CASE("hex is read in either case, and written in lower") {
  auto bytes = kit::from_hex("00fFaB");
  REQUIRE(bytes);
  CHECK(kit::to_hex(*bytes) == "00ffab");
  CHECK(kit::from_hex("") == "");
  for (const char* text : {"0", "0g", "0x", " 00", "00 "})
    CHECK_FALSE(kit::from_hex(text));
}
