#pragma once

#include <string>

namespace shannon::test {

/// A machine for the calling thread and those it starts on which bubblewrap
/// works, and what runs in it can make no user namespace of its own. Needs
/// root.
class refused_namespaces {
public:
  /// Empty if it can be made here, else why not.
  static std::string obstacle();

  refused_namespaces();
  ~refused_namespaces();

  /// The browser on that machine: for `browser.program`.
  std::string program() const;

private:
  int before_ = -1;
};

} // namespace shannon::test
