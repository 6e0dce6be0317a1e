#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/// What fuzz targets have in common. A target is one function of any bytes; it
/// fails by `expect`, by a sanitizer, or by the limits of time and memory.
namespace shannon::fuzz {

/// Ends the target, and so keeps the input, unless `holds`.
inline void expect(bool holds, std::string_view what) {
  if (holds)
    return;
  std::fprintf(stderr, "fuzz: it does not hold that %.*s\n",
               static_cast<int>(what.size()), what.data());
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return size == 0
             ? std::string_view{}
             : std::string_view{reinterpret_cast<const char*>(data), size};
}

/// Sizes of pieces that an input arrives in, as its first byte says.
class pieces {
public:
  explicit pieces(std::uint8_t seed) : state_(seed) {}

  /// From 1 to 64 bytes; mostly few, so that every boundary is met.
  std::size_t next() {
    state_ = state_ * 1'103'515'245u + 12'345u;
    auto dice = state_ >> 16;
    return 1 + (dice % 4 == 0 ? dice / 4 % 64 : dice / 4 % 4);
  }

private:
  std::uint32_t state_;
};

} // namespace shannon::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);
