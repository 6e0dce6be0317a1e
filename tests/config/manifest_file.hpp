#pragma once

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <string>
#include <unistd.h>

namespace shannon::test {

/// A manifest on disk while it lives.
class manifest_file {
public:
  explicit manifest_file(const std::string& text) {
    char name[] = "/tmp/shannon-manifest-XXXXXX";
    auto fd = ::mkstemp(name);
    REQUIRE(fd >= 0);
    ::close(fd);
    path_ = name;
    std::ofstream{path_, std::ios::binary} << text;
  }
  ~manifest_file() {
    ::unlink(path_.c_str());
  }

  manifest_file(const manifest_file&) = delete;
  manifest_file& operator=(const manifest_file&) = delete;

  const std::string& path() const {
    return path_;
  }

private:
  std::string path_;
};

} // namespace shannon::test
