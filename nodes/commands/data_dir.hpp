#pragma once

#include "protocols/errc.hpp"

#include <string>

namespace shannon::commands {

/// The directory in which `up` keeps everything, held by one process at a
/// time: two servers on the same data would destroy it.
class data_dir {
public:
  /// Makes the directory if need be and locks it. An error names the process
  /// that holds it. The lock ends with this process, however it ends.
  static result<data_dir> hold(const std::string& path);

  /// Who holds it now: `process 123`, or empty if nobody does.
  static std::string holder(const std::string& path);

  data_dir(data_dir&& other) noexcept;
  data_dir& operator=(data_dir&&) = delete;
  ~data_dir();

  /// Absolute.
  const std::string& path() const noexcept {
    return path_;
  }

private:
  data_dir(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_;
};

} // namespace shannon::commands
