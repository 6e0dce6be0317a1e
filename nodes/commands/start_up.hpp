#pragma once

#include "config/settings.hpp"
#include "nodes/commands/exit_code.hpp"
#include "nodes/node.hpp"

#include <functional>
#include <string>

/// What `up` and `node` do before and around a node.
namespace shannon::commands {

/// The settings of one node: defaults, then the manifest unless `manifest` is
/// empty, then the environment.
result<config::settings> read_settings(const std::string& manifest,
                                       const std::string& name);

/// Binds both listeners for a moment, after a look whether `--dev` may be.
/// Finding a port taken here costs nothing yet; the node itself finds what is
/// taken later.
result<void> check_listeners(const config::http_settings& http);

/// Is `text` an ADDR:PORT nobody listens on? Port 0 always is.
result<void> check_listener(const std::string& text, const char* option);

/// Where the secrets of a data directory are.
std::string secrets_path(const std::string& data_dir);

/// Unless settings name a file: that of the data directory, made if need be.
result<void> own_secrets(const std::string& data_dir,
                         config::identity_settings& identity);

/// A start that fails is a plain failure unless something outside did not
/// answer: a bad manifest is no wrong use of the command line.
exit_code report_start(const error& what);

/// Runs the node; prints `ready URL` on stdout when it can serve.
/// `last_resort` ends what stands beside the node if the node's own end hangs.
/// `ready` is told before that line is printed.
exit_code serve(const config::settings& settings,
                std::function<void()> last_resort = {},
                std::function<void(const nodes::node_urls&)> ready = {});

/// Notes SIGTERM and SIGINT while a start is under way, so that what was
/// started is ended in order and not left behind.
class start_signals {
public:
  start_signals();
  ~start_signals();

  bool came() const noexcept;

  /// From here on signals wait, unseen, for the node that handles them.
  void hand_over() const noexcept;
};

} // namespace shannon::commands
