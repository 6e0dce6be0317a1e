#pragma once

#include "protocols/errc.hpp"

#include <cstddef>
#include <string>

namespace shannon::browser {

/// Where one browser process puts the files that pages give; gone with it. Its
/// name tells whose it is, so that what a killed node left can be found.
class scratch_folder {
public:
  /// As root it belongs to the user that browsers run as.
  static result<scratch_folder> make();

  scratch_folder() = default;
  scratch_folder(scratch_folder&& other) noexcept;
  scratch_folder& operator=(scratch_folder&& other) noexcept;
  ~scratch_folder();

  const std::string& path() const noexcept {
    return path_;
  }

private:
  std::string path_;
};

/// Removes the folders of processes that are gone; says how many.
std::size_t reap_scratch_folders();

} // namespace shannon::browser
