#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "protocols/errc.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Skills: instructions that a task can be carried out under. Pure.
namespace shannon::gateway {

struct skill {
  std::string file; ///< `code-review.md`
  std::string name;
  std::string version;
  std::string author;
  std::string category;
  std::string description;
  std::vector<std::string> requires_tools;
  std::string requires_role;
  double budget_max = 0; ///< US dollars; 0: none.
  /// Only admins and owners, and keys with the scope `skills:dangerous`.
  bool dangerous = false;
  bool enabled = true;
  std::string content; ///< Markdown: what the model is told.
};

/// One file: YAML between two lines of `---`, then the content. Fails
/// (invalid_argument) with the file's name and what is wrong in it.
result<skill> read_skill(std::string_view file, std::string_view text);

/// Those compiled in, by name and then version, oldest first.
const std::vector<skill>& skills();

/// By `name`, the newest version, or `name@version`; null if there is none.
const skill* find_skill(std::string_view name);

/// GET /api/v1/skills, and one line of it.
json_out skills_json(std::string_view category);
json_out skill_line(const skill& what);

/// GET /api/v1/skills/{name}: keys as the reference writes them, and in lower
/// case, which its desktop client expects.
json_out skill_detail(const skill& what);

/// GET /api/v1/skills/{name}/versions; nothing for an unknown name.
json_out skill_versions(std::string_view name);

} // namespace shannon::gateway
