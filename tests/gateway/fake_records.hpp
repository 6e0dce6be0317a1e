#pragma once

#include "protocols/answers.hpp"
#include "protocols/envelope.hpp"
#include "protocols/sessions.hpp"

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace shannon::test {

/// A RECORD STORE in memory. Thread-safe.
class fake_records {
public:
  result<message_body> answer(const envelope& mail);

  std::vector<sessions::session> sessions() const;

  /// When what begins anew from here on does so. Tasks of `fake_runs` are a
  /// second apart: the n-th begins at 1,700,000,000 + n.
  void set_now(sessions::time now) {
    std::lock_guard guard{mutex_};
    now_ = now;
  }

private:
  struct kept {
    tenant_id tenant;
    sessions::session what;
    bool deleted = false;
  };
  struct claim {
    answers::claim by;
    answers::answer what;
  };

  kept* find(const tenant_id& tenant, const user_id& user,
             const std::string& key);
  result<message_body> open(const sessions::open& msg);
  result<message_body> claimed(const answers::claim& msg);

  mutable std::mutex mutex_;
  std::vector<kept> sessions_;
  sessions::time now_;
  std::map<std::string, claim> claims_;
};

} // namespace shannon::test
