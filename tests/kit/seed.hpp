#pragma once

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

namespace shannon::test {

/// What a test draws its chances from: SHANNON_SEED, else a new one each time.
inline std::uint32_t seed_of_test() {
  const char* wanted = std::getenv("SHANNON_SEED");
  return wanted ? static_cast<std::uint32_t>(std::strtoul(wanted, nullptr, 10))
                : std::random_device{}();
}

/// The command that plays the test that runs now with the same chances. Moments
/// are as the machine has it.
inline std::string repeat_with(std::uint32_t seed) {
  std::error_code ignored;
  return "repeat: SHANNON_SEED=" + std::to_string(seed) + " "
         + std::filesystem::read_symlink("/proc/self/exe", ignored).string()
         + " \"" + Catch::getResultCapture().getCurrentTestName() + "\"";
}

} // namespace shannon::test
