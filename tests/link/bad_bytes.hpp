#pragma once

#include "actors/link/frame_reader.hpp"

#include <cstdint>
#include <random>
#include <string>

namespace shannon::test {

/// What no peer says first, made of the hello that one would say: bits turned,
/// cut short, said twice, a frame of noise, one without end, or noise alone.
inline std::string bad_bytes(std::mt19937& random, std::string hello) {
  auto one_of = [&](std::size_t n) { return random() % n; };
  auto noise = [&](std::size_t count) {
    std::string out;
    while (out.size() < count)
      out.push_back(static_cast<char>(random()));
    return out;
  };
  std::string out;
  switch (one_of(6)) {
  case 0:
    out = std::move(hello);
    for (int i = 0; i < 5; ++i)
      out[one_of(out.size())] ^= static_cast<char>(1u << one_of(8));
    return out;
  case 1:
    out = std::move(hello);
    out.resize(one_of(out.size()));
    return out;
  case 2:
    return hello + hello;
  case 3:
    link::append_length(out, 200);
    return out + noise(200);
  case 4:
    link::append_length(out, 0xffff'ffff);
    return out + hello;
  default:
    return noise(one_of(5'000));
  }
}

} // namespace shannon::test
