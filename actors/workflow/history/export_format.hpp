#pragma once

#include "protocols/errc.hpp"
#include "protocols/ids.hpp"
#include "protocols/store.hpp"

#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A run's log as text, to be carried away, looked at and replayed elsewhere.
/// One JSON object a line; any number of logs one after another:
///
///     {"format":"shannon-history","format_version":1,"log":"task-1",
///      "kind":"workflow","parent":"","tenant":"t","user":"u","session":"s",
///      "status":"completed","base":0,"base_checksum":"0000000000000000",
///      "build":"0.1.0","redacted":false}
///     {"version":1,"recorded_us":1764…,"epoch":3,"checksum":"9f…","fact":{…}}
///     …
///     {"sha256":"ab…","text":"…"}          or "base64":"…" if it is no UTF-8
///     …
///     {"end":"task-1","facts":12,"bodies":3}
///
/// `fact` is the proto JSON of `facts.Fact`, field names as in the .proto
/// file. The bytes that are stored are those of its deterministic
/// serialisation; where they are not (a later build's fields, damage) `raw`
/// holds them in base64 and counts. Facts come after `base`, the version where
/// the file begins, and are chained to `base_checksum`. A line per body that
/// facts refer to; none in a redacted file, whose checksums are of what it
/// holds, not of what was recorded.
namespace shannon::history {

struct export_header {
  log_id log;
  store::log_birth birth;
  store::log_status status = store::log_status::running;
  /// Where the log stands before the first fact of the file.
  store::log_tail base;
  /// The version of the program that wrote the file.
  std::string build;
  /// Texts and bodies are taken out.
  bool redacted = false;
};

struct exported_fact {
  log_version version = 0;
  /// By the database's clock, microseconds since 1970; 0 if not known.
  std::int64_t recorded_us = 0;
  std::optional<shard_epoch> epoch;
  std::uint64_t checksum = 0;
  std::string bytes; ///< A serialized `facts.Fact`, as stored.
  friend bool operator==(const exported_fact&, const exported_fact&) = default;
};

/// A log in memory.
struct exported_log {
  export_header header;
  std::vector<exported_fact> facts;
  std::map<store::blob_hash, std::string> bodies;

  /// As `durable_run::replay` takes them.
  std::vector<store::recorded_fact> recorded() const;

  /// Takes facts in, the next after those there are, and chains them.
  void add(std::string bytes, std::int64_t recorded_us = 0,
           std::optional<shard_epoch> epoch = {});
};

/// Writes line by line, so that a log need not fit into memory. In this
/// order: `begin`, each fact, each body, `end`; then perhaps another log.
class export_writer {
public:
  explicit export_writer(std::ostream& out) : out_(out) {}

  void begin(const export_header& header);
  void fact(const exported_fact& fact);
  void body(const store::blob_hash& hash, std::string_view bytes);
  void end();

private:
  void line(std::string text);

  std::ostream& out_;
  std::string log_;
  std::uint64_t facts_ = 0;
  std::uint64_t bodies_ = 0;
};

void write_log(const exported_log& log, std::ostream& out);

/// Reads all logs of a file. Refuses (`invalid_argument`) what is not in this
/// format, is cut off, or is not what was written: gaps, checksums and hashes
/// are checked. The text names the line, what was expected and what was found.
result<std::vector<exported_log>> read_logs(std::istream& in);

} // namespace shannon::history
