#include "actors/browser/page/thumbnail.hpp"

#include <algorithm>
#include <memory>
#include <spng.h>
#include <turbojpeg.h>
#include <vector>

namespace shannon::browser {

namespace {

/// Wider or higher images are not made here, and are not read.
constexpr std::uint32_t side_max = 32'768;
constexpr std::size_t chunk_max = 1024 * 1024;
constexpr std::size_t channels = 3;

/// Rows of RGB come in; each pixel of the result is the mean of those that fall
/// on it.
class shrinking {
public:
  shrinking(std::uint32_t width, std::uint32_t height, thumbnail_limits most)
      : from_width_(width), width_(std::min(width, most.width)) {
    auto high = static_cast<std::uint64_t>(height) * width_ / from_width_;
    height_ = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(high, 1, most.height));
    pixels_.reserve(std::size_t{width_} * height_ * channels);
    column_of_.resize(width);
    for (std::uint32_t x = 0; x < width; ++x)
      column_of_[x]
          = static_cast<std::uint32_t>(std::uint64_t{x} * width_ / from_width_);
    clear();
  }

  /// False: nothing of the rows that follow is wanted.
  bool add(const unsigned char* row) {
    auto to = static_cast<std::uint32_t>(std::uint64_t{rows_++} * width_
                                         / from_width_);
    if (to != at_)
      flush(to);
    if (to >= height_)
      return false;
    for (std::uint32_t x = 0; x < from_width_; ++x) {
      auto* sum = &sums_[std::size_t{column_of_[x]} * (channels + 1)];
      for (std::size_t c = 0; c < channels; ++c)
        sum[c] += row[std::size_t{x} * channels + c];
      ++sum[channels];
    }
    return true;
  }

  /// What has come; missing rows are not part of it.
  void finish() {
    if (pixels_.size() < std::size_t{width_} * height_ * channels)
      flush(at_ + 1);
    height_ = static_cast<std::uint32_t>(pixels_.size() / channels / width_);
  }

  std::uint32_t width() const noexcept {
    return width_;
  }
  std::uint32_t height() const noexcept {
    return height_;
  }
  const std::vector<unsigned char>& pixels() const noexcept {
    return pixels_;
  }

private:
  void clear() {
    sums_.assign(std::size_t{width_} * (channels + 1), 0);
  }

  void flush(std::uint32_t next) {
    for (std::uint32_t x = 0; x < width_; ++x) {
      const auto* sum = &sums_[std::size_t{x} * (channels + 1)];
      auto count = std::max<std::uint32_t>(sum[channels], 1);
      for (std::size_t c = 0; c < channels; ++c)
        pixels_.push_back(static_cast<unsigned char>(sum[c] / count));
    }
    at_ = next;
    clear();
  }

  std::uint32_t from_width_;
  std::uint32_t width_;
  std::uint32_t height_ = 0;
  std::uint32_t rows_ = 0;
  std::uint32_t at_ = 0;
  std::vector<std::uint32_t> column_of_;
  std::vector<std::uint32_t> sums_; ///< Of each channel, and how many.
  std::vector<unsigned char> pixels_;
};

/// Row by row, and no further than is wanted.
std::optional<shrinking> shrink_png(std::string_view image,
                                    thumbnail_limits most) {
  std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> png{spng_ctx_new(0),
                                                          &spng_ctx_free};
  spng_ihdr head{};
  if (!png || spng_set_image_limits(png.get(), side_max, side_max) != 0
      || spng_set_chunk_limits(png.get(), chunk_max, chunk_max) != 0
      || spng_set_png_buffer(png.get(), image.data(), image.size()) != 0
      || spng_get_ihdr(png.get(), &head) != 0
      || spng_decode_image(png.get(), nullptr, 0, SPNG_FMT_RGB8,
                           SPNG_DECODE_PROGRESSIVE)
             != 0)
    return std::nullopt;
  shrinking out{head.width, head.height, most};
  std::vector<unsigned char> row(std::size_t{head.width} * channels);
  for (int state = 0; state == 0;) {
    state = spng_decode_row(png.get(), row.data(), row.size());
    if (state != 0 && state != SPNG_EOI)
      return std::nullopt;
    if (!out.add(row.data()))
      break;
  }
  out.finish();
  return out;
}

/// Whole, since the library knows no rows: 36 MB for the largest image.
std::optional<shrinking> shrink_jpeg(std::string_view image,
                                     thumbnail_limits most) {
  std::unique_ptr<void, decltype(&tjDestroy)> jpeg{tjInitDecompress(),
                                                   &tjDestroy};
  const auto* bytes = reinterpret_cast<const unsigned char*>(image.data());
  int width = 0;
  int height = 0;
  int sampling = 0;
  int colours = 0;
  if (!jpeg
      || tjDecompressHeader3(jpeg.get(), bytes, image.size(), &width, &height,
                             &sampling, &colours)
             != 0
      || width < 1 || height < 1 || width > static_cast<int>(side_max)
      || std::int64_t{width} * height > 16'000'000)
    return std::nullopt;
  auto line = static_cast<std::size_t>(width) * channels;
  std::vector<unsigned char> pixels(line * static_cast<std::size_t>(height));
  if (tjDecompress2(jpeg.get(), bytes, image.size(), pixels.data(), width, 0,
                    height, TJPF_RGB, TJFLAG_FASTDCT)
      != 0)
    return std::nullopt;
  shrinking out{static_cast<std::uint32_t>(width),
                static_cast<std::uint32_t>(height), most};
  for (std::size_t at = 0; at < pixels.size(); at += line)
    if (!out.add(pixels.data() + at))
      break;
  out.finish();
  return out;
}

std::string to_jpeg(const shrinking& what, int quality) {
  std::unique_ptr<void, decltype(&tjDestroy)> jpeg{tjInitCompress(),
                                                   &tjDestroy};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  auto done = jpeg
              && tjCompress2(jpeg.get(), what.pixels().data(),
                             static_cast<int>(what.width()), 0,
                             static_cast<int>(what.height()), TJPF_RGB, &bytes,
                             &size, TJSAMP_420, quality, 0)
                     == 0;
  std::string out;
  if (done)
    out.assign(reinterpret_cast<char*>(bytes), size);
  tjFree(bytes);
  return out;
}

} // namespace

std::optional<std::string> make_thumbnail(std::string_view image,
                                          thumbnail_limits most) {
  auto small = image.starts_with("\x89PNG") ? shrink_png(image, most)
                                            : shrink_jpeg(image, most);
  if (!small || small->height() == 0)
    return std::nullopt;
  for (int quality : {50, 20, 5})
    if (auto out = to_jpeg(*small, quality);
        !out.empty() && out.size() <= most.bytes)
      return out;
  return std::nullopt;
}

} // namespace shannon::browser
