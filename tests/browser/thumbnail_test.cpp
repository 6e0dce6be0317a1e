#include "actors/browser/page/thumbnail.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <memory>
#include <random>
#include <spng.h>
#include <turbojpeg.h>
#include <vector>

using namespace shannon::browser;

namespace {

struct picture {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<unsigned char> rgb;

  const unsigned char* at(std::uint32_t x, std::uint32_t y) const {
    return &rgb.at((std::size_t{y} * width + x) * 3);
  }
};

/// Left red, right blue, the lowest tenth green.
picture flag(std::uint32_t width, std::uint32_t height) {
  picture out{width, height, {}};
  for (std::uint32_t y = 0; y < height; ++y)
    for (std::uint32_t x = 0; x < width; ++x) {
      bool low = y >= height - height / 10;
      auto full = [](bool is) { return static_cast<unsigned char>(is * 255); };
      out.rgb.insert(out.rgb.end(), {full(!low && x < width / 2), full(low),
                                     full(!low && x >= width / 2)});
    }
  return out;
}

std::string png_of(const picture& what) {
  std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> png{
      spng_ctx_new(SPNG_CTX_ENCODER), &spng_ctx_free};
  spng_ihdr head{};
  head.width = what.width;
  head.height = what.height;
  head.bit_depth = 8;
  head.color_type = SPNG_COLOR_TYPE_TRUECOLOR;
  spng_set_option(png.get(), SPNG_ENCODE_TO_BUFFER, 1);
  spng_set_ihdr(png.get(), &head);
  REQUIRE(spng_encode_image(png.get(), what.rgb.data(), what.rgb.size(),
                            SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE)
          == 0);
  std::size_t size = 0;
  int failed = 0;
  auto* bytes = spng_get_png_buffer(png.get(), &size, &failed);
  REQUIRE(bytes != nullptr);
  std::string out{static_cast<char*>(bytes), size};
  std::free(bytes);
  return out;
}

std::string jpeg_of(const picture& what) {
  std::unique_ptr<void, decltype(&tjDestroy)> jpeg{tjInitCompress(),
                                                   &tjDestroy};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  REQUIRE(tjCompress2(jpeg.get(), what.rgb.data(), static_cast<int>(what.width),
                      0, static_cast<int>(what.height), TJPF_RGB, &bytes, &size,
                      TJSAMP_444, 90, 0)
          == 0);
  std::string out{reinterpret_cast<char*>(bytes), size};
  tjFree(bytes);
  return out;
}

picture drawn(const std::string& jpeg) {
  std::unique_ptr<void, decltype(&tjDestroy)> reader{tjInitDecompress(),
                                                     &tjDestroy};
  const auto* bytes = reinterpret_cast<const unsigned char*>(jpeg.data());
  int width = 0;
  int height = 0;
  int sampling = 0;
  int colours = 0;
  REQUIRE(tjDecompressHeader3(reader.get(), bytes, jpeg.size(), &width, &height,
                              &sampling, &colours)
          == 0);
  picture out{static_cast<std::uint32_t>(width),
              static_cast<std::uint32_t>(height),
              {}};
  out.rgb.resize(std::size_t{out.width} * out.height * 3);
  REQUIRE(tjDecompress2(reader.get(), bytes, jpeg.size(), out.rgb.data(), width,
                        0, height, TJPF_RGB, 0)
          == 0);
  return out;
}

} // namespace

TEST_CASE("a thumbnail is the image, smaller") {
  auto made = make_thumbnail(
      GENERATE(png_of(flag(1280, 720)), jpeg_of(flag(1280, 720))));
  REQUIRE(made);
  auto small = drawn(*made);
  CHECK(small.width == 320);
  CHECK(small.height == 180);
  CHECK(small.at(40, 60)[0] > 200);
  CHECK(small.at(40, 60)[2] < 50);
  CHECK(small.at(280, 60)[2] > 200);
  CHECK(small.at(160, 176)[1] > 200);
}

TEST_CASE("a thumbnail of a long page is its upper part, and a small image is "
          "not made larger") {
  auto made = make_thumbnail(png_of(flag(1280, 4000)));
  REQUIRE(made);
  auto upper = drawn(*made);
  CHECK(upper.width == 320);
  CHECK(upper.height == 480);
  CHECK(upper.at(40, 470)[0] > 200);
  made = make_thumbnail(png_of(flag(30, 20)));
  REQUIRE(made);
  CHECK(drawn(*made).width == 30);
  CHECK(drawn(*made).height == 20);
  made = make_thumbnail(png_of(flag(4000, 1)));
  REQUIRE(made);
  CHECK(drawn(*made).height == 1);
}

TEST_CASE("a thumbnail is coarser rather than too large, and left out when "
          "even that does not fit") {
  picture noise = flag(640, 960);
  std::minstd_rand chance{7};
  for (auto& one : noise.rgb)
    one = static_cast<unsigned char>(chance());
  auto image = png_of(noise);
  thumbnail_limits most;
  auto fine = make_thumbnail(image, {320, 480, 1'000'000});
  auto coarse = make_thumbnail(image, most);
  REQUIRE(fine);
  REQUIRE(coarse);
  CHECK(fine->size() > most.bytes);
  CHECK(coarse->size() <= most.bytes);
  CHECK_FALSE(make_thumbnail(image, {320, 480, 100}));
}

TEST_CASE("what is no image, or only its beginning, has no thumbnail") {
  CHECK_FALSE(make_thumbnail(""));
  CHECK_FALSE(make_thumbnail("<html>"));
  CHECK_FALSE(make_thumbnail("\x89PNG\r\n\x1a\n and no more"));
  auto image = png_of(flag(1280, 720));
  CHECK_FALSE(make_thumbnail(image.substr(0, image.size() / 2)));
}
