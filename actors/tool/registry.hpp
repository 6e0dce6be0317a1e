#pragma once

#include "actors/kit/arguments.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/tool.pb.h"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::tool {

/// What a tool can do to the world: what a policy asks about.
struct dangers {
  /// Sends something to where a stranger may read it.
  bool outbound = false;
  /// Changes something that outlives the call.
  bool writes = false;
  /// Shows the model what strangers must not see.
  bool reads_private = false;
};

/// Who calls, and with what. The arguments satisfy the tool's schema.
struct tool_input {
  const nlohmann::json& arguments;
  const remote::EffectContext& context;
};

using tool_done = std::function<void(remote::ToolResult)>;
/// Stops the tool; its `done` follows soon. Callable from any thread, also
/// when all is over.
using tool_cancel = std::function<void()>;

/// Starts the tool and returns at once. Calls `done` exactly once, on any
/// thread, perhaps before it returns. Must not block: runs on a CAF worker.
using tool_function = std::function<tool_cancel(const tool_input&, tool_done)>;

struct tool_definition {
  std::string name;
  /// For the model: what it does, and when to use it.
  std::string description;
  /// JSON Schema of an object.
  std::string parameters;
  dangers may;
  tool_function run;
};

/// A call that may be run.
struct checked_call {
  const tool_definition* tool;
  std::shared_ptr<const nlohmann::json> arguments;
};

/// The tools of a node, as data. Immutable once made.
class registry {
public:
  /// `invalid_argument` names a tool whose schema is none, or a name that
  /// stands twice.
  static result<registry> make(std::vector<tool_definition> tools);

  /// Finds the tool and checks its arguments. The error is a short sentence
  /// for the model: field, expected, found.
  result<checked_call> check(const remote::ToolRequest& request) const;

  const tool_definition* find(std::string_view name) const noexcept;

  remote::ToolList list() const;

private:
  struct entry {
    tool_definition tool;
    kit::argument_schema schema;
  };

  std::shared_ptr<const std::vector<entry>> entries_;
};

/// An answer that says why a tool did not do what was asked.
remote::ToolResult failed_result(std::string why);

/// Makes a tool's answer fit to be stored and shown: valid UTF-8, and output
/// cut at `output_bytes_max` with a note of what is missing.
remote::ToolResult presentable(remote::ToolResult raw,
                               std::size_t output_bytes_max);

} // namespace shannon::tool
