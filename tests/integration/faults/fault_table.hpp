#pragma once

#include <vector>

namespace shannon::test {

class storm;

/// A fault of storms. Ids are those of docs/reliability.md.
struct fault {
  const char* id;
  const char* what;
  void (storm::*make)();
  bool loses_calls;
  bool may_be_late;
  /// From the fault to the next call of what was under way, the 99th of 100;
  /// 0: it is not for others to take over.
  double takeover_seconds_max;
};

const std::vector<fault>& fault_table();

} // namespace shannon::test
