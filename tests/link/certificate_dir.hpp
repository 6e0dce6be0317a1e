#pragma once

#include "actors/link/certificates.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace shannon::test {

/// A directory with a CA, while it lives.
class certificate_dir {
public:
  certificate_dir() {
    char name[] = "/tmp/shannon-certs-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
    auto made = link::make_ca(path_, link::days{3'650});
    if (!made)
      FAIL(made.error().text);
  }
  ~certificate_dir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  certificate_dir(const certificate_dir&) = delete;
  certificate_dir& operator=(const certificate_dir&) = delete;

  link::certificate_files issue(const std::string& name, int days = 365) const {
    auto made = link::issue(path_, name, link::days{days});
    if (!made)
      FAIL(made.error().text);
    return *made;
  }
  /// Files of other days stand under the names of those that are there.
  link::certificate_files issue_anew(const std::string& name, int days) const {
    for (const char* ending : {".pem", ".key"})
      std::filesystem::remove(path_ + "/" + name + ending);
    return issue(name, days);
  }
  std::string ca() const {
    return path_ + "/ca.pem";
  }
  const std::string& path() const {
    return path_;
  }

private:
  std::string path_;
};

} // namespace shannon::test
