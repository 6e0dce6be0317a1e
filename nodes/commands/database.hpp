#pragma once

#include "actors/store/private_postgres.hpp"
#include "nodes/commands/data_dir.hpp"
#include "protocols/errc.hpp"

#include <CLI/CLI.hpp>

#include <optional>
#include <string>

namespace shannon::commands {

/// Which database a command reads, as the command line says.
struct database_options {
  std::string dsn;
  std::string data;
};

/// `--dsn` and `--data`.
void add_database_options(CLI::App& app, database_options& options);

/// A database that was found, and what must live as long as it is used.
struct database {
  std::string dsn;
  std::optional<data_dir> held;
  std::optional<store::private_postgres> ours;
};

/// What is named wins: --dsn, --data, the environment, then `.shannon`. The
/// private database of a data directory is used as it runs, or else started
/// for as long as it is needed. Every error is `unavailable`.
result<database> find_database(const database_options& options);

} // namespace shannon::commands
