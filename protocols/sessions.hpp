#pragma once

#include "protocols/ids.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// What is said to the RECORD STORE about sessions: conversations that tasks
/// belong to. Their tasks are logs; here is what they are called.
namespace shannon::sessions {

using time = std::chrono::system_clock::time_point;

struct session {
  std::string id; ///< A UUID.
  /// What tasks are filed under: what the client calls it, or the id.
  session_id name;
  user_id user;
  std::string title;
  std::string context_json; ///< Of the first task; a JSON object, or empty.
  std::string mode;         ///< Of the first task.
  time created_at;
  time updated_at;
  /// Tasks from before are not its own: it was deleted, and its name is used
  /// again. The beginning of time, if it never was.
  time since;
  /// A person or a model gave it the title; else it is the first query, cut.
  bool titled = false;
};

/// Makes the session, or finds it; one that was deleted begins anew. Answers
/// opened, or `not_found` if it is another user's.
struct open {
  tenant_id tenant;
  session what; ///< As it shall be if it is new.
};

struct opened {
  session what;
  bool is_new = false;
};

/// By id or by name. Answers session, or `not_found`.
struct find {
  tenant_id tenant;
  user_id user;
  std::string key;
};

/// Newest first. Answers page.
struct list {
  tenant_id tenant;
  user_id user;
  std::uint32_t limit = 20;
  std::uint32_t offset = 0;
};

struct page {
  std::vector<session> sessions;
  std::uint64_t total = 0;
};

/// Answers session, or `not_found`.
struct rename {
  tenant_id tenant;
  user_id user;
  std::string key;
  std::string title;
};

/// From a task of it: this title, unless it has been given one. Answers named,
/// or `not_found`.
struct name {
  tenant_id tenant;
  user_id user;
  session_id session;
  std::string title;
};

struct named {
  bool done = false; ///< It has this title.
};

/// Its tasks stay; the session is not shown any more. Answers removed, also
/// when it was before, or `not_found`.
struct remove {
  tenant_id tenant;
  user_id user;
  std::string key;
};

struct removed {};

} // namespace shannon::sessions
