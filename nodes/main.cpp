#include "nodes/commands/client_commands.hpp"
#include "nodes/commands/server_commands.hpp"

#include <array>

int main(int argc, char** argv) {
  using namespace shannon::commands;
  // In the order of the help: what one needs first stands first.
  constexpr std::array<declare_command, 22> commands{
      declare_up,      declare_submit,  declare_list,    declare_show,
      declare_cancel,  declare_why,     declare_inspect, declare_top,
      declare_signal,  declare_resume,  declare_retry,   declare_replay,
      declare_export,  declare_verify,  declare_sweep,   declare_doctor,
      declare_node,    declare_cluster, declare_certs,   declare_keys,
      declare_migrate, declare_version,
  };
  return run_command_line(argc, argv, commands);
}
