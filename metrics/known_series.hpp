#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace shannon::metrics {

/// Series that were looked up once, by what tells them apart: to look one up in
/// its family again costs more than what is counted. Thread-safe.
template <class Series>
class known_series {
public:
  /// The series of `key`, made by `make` if it is new. Stays where it is.
  template <class Make>
  Series& at(std::string_view key, Make make) {
    std::lock_guard guard{mutex_};
    auto found = all_.find(key);
    if (found == all_.end())
      found = all_.emplace(std::string{key}, make()).first;
    return found->second;
  }

private:
  std::mutex mutex_;
  std::map<std::string, Series, std::less<>> all_;
};

} // namespace shannon::metrics
