#pragma once

#include "nodes/commands/command.hpp"

/// Commands that run a node or look after what it stands on.
namespace shannon::commands {

/// up: one node that does everything, with a private database and cache.
declared declare_up(CLI::App& root, const global_options& globals);

/// node: one node of a manifest, against the services it names.
declared declare_node(CLI::App& root, const global_options& globals);

/// cluster: the nodes of a manifest that are this machine's.
declared declare_cluster(CLI::App& root, const global_options& globals);

/// certs: a CA, and what it signs for the nodes of a cluster.
declared declare_certs(CLI::App& root, const global_options& globals);

/// keys: API keys, made and revoked in the database itself.
declared declare_keys(CLI::App& root, const global_options& globals);

/// migrate: the database's schema, shown or brought up to date.
declared declare_migrate(CLI::App& root, const global_options& globals);

/// verify: is what the database holds of every log still true?
declared declare_verify(CLI::App& root, const global_options& globals);

/// sweep: deletes what settings keep no longer, once.
declared declare_sweep(CLI::App& root, const global_options& globals);

/// export: a log as text, to be carried away.
declared declare_export(CLI::App& root, const global_options& globals);

/// replay: a run as it stood at any version, and what it decides there.
declared declare_replay(CLI::App& root, const global_options& globals);

/// why: what a run waits for, since when, whose it is and what comes next.
declared declare_why(CLI::App& root, const global_options& globals);

/// inspect: the actors of a node, as a tree or a list.
declared declare_inspect(CLI::App& root, const global_options& globals);

/// top: the busiest actors of one node or of all, live.
declared declare_top(CLI::App& root, const global_options& globals);

/// signal: tells a run what it waits for.
declared declare_signal(CLI::App& root, const global_options& globals);

/// resume: lets a parked run go on.
declared declare_resume(CLI::App& root, const global_options& globals);

/// retry: lets a parked run go on and makes steps anew.
declared declare_retry(CLI::App& root, const global_options& globals);

/// doctor: what is wrong on this machine, and how to mend it.
declared declare_doctor(CLI::App& root, const global_options& globals);

} // namespace shannon::commands
