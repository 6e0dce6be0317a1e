#pragma once

#include "protocols/errc.hpp"
#include "protocols/ids.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What is said to the EVENT STORE. Each node has its own, so these stay plain
/// structs; what they carry (facts, summaries) is Protobuf bytes.
namespace shannon::store {

// -- values -------------------------------------------------------------------

/// SHA-256 of the content, 32 raw bytes.
using blob_hash = std::string;

struct blob {
  blob_hash hash;
  std::string bytes;
};

enum class log_status : std::uint8_t {
  queued = 0,
  running = 1,
  paused = 2,
  completed = 3,
  failed = 4,
  cancelled = 5,
  timed_out = 6,
  needs_operator = 7,
};

constexpr bool is_terminal(log_status status) noexcept {
  return status >= log_status::completed && status <= log_status::timed_out;
}

/// Where the store keeps the end of a log, told with each tail so that the
/// next append needs no look-up. Of no meaning to others: keep it with the
/// tail it came with, or leave it out, which costs a query.
struct log_place {
  std::int64_t number = 0; ///< The log's number in the tables.
  log_version row = 0;     ///< First version of its last append; 0: not known.
  log_status status = log_status::queued; ///< As its head says.
};

/// The end of a log as its writer knows it: the next append must fit here.
struct log_tail {
  log_version version = 0;
  /// Checksum chained over the log's id and all facts so far; of no meaning
  /// for a log that is not born.
  std::uint64_t chain = 0;
  log_place place{};
};

struct recorded_fact {
  log_version version = 0;
  /// When the database took it, by the database's clock.
  std::chrono::system_clock::time_point at;
  /// A serialized `facts.Fact`.
  std::string bytes;
};

/// What is fixed when a log is created.
struct log_birth {
  /// `workflow`, `schedule` or `agent`: who activates it.
  std::string kind;
  /// The log that started this one; empty for a task.
  log_id parent;
  tenant_id tenant;
  user_id user;
  session_id session;
};

/// The head row: one per log, holds what lists and searches need.
struct log_head {
  log_id log;
  log_birth birth;
  log_tail tail;
  /// Under which its last facts were appended.
  shard_epoch epoch = 0;
  log_status status = log_status::queued;
  /// A serialized `facts.Summary`.
  std::string summary;
  std::chrono::system_clock::time_point created_at;
  std::chrono::system_clock::time_point updated_at;
  /// When an idle log must be activated for its earliest timer.
  std::optional<std::chrono::system_clock::time_point> wake_at;
  /// It needs no activation before.
  bool idle = false;
  /// What the run set for lists and searches.
  std::map<std::string, std::string> attributes;
};

/// The row of a session that begins with its first task. Whose it is, and what
/// it is called, says the birth of the task's log.
struct session_opening {
  std::string id;           ///< A UUID.
  std::string title;        ///< UTF-8 without NUL, as all here.
  std::string context_json; ///< A JSON object, or empty.
  std::string mode;
};

/// What a log that has not ended waits for, as of its last append.
struct log_schedule {
  /// Nothing is under way: it needs no activation until a timer is due or
  /// mail for it comes.
  bool idle = false;
  /// Its earliest timer.
  std::optional<std::chrono::system_clock::time_point> wake_at;
  friend bool operator==(const log_schedule&, const log_schedule&) = default;
};

// -- commands -----------------------------------------------------------------

/// Appends facts, all or none, if `log` still ends at `expected` and no newer
/// owner opened it. Answers append_receipt, or `conflict`, `fenced`,
/// `unavailable`, or `timeout` when even reading back could not tell. A log
/// that has ended takes no more: `conflict`.
struct append {
  log_id log;
  log_tail expected;
  /// Set for the first append: creates the log, or answers `conflict` if it
  /// exists already.
  std::optional<log_birth> birth;
  /// Only with a birth: makes this session, too, unless there is one of its id
  /// or name. So it is there as soon as its task is, for no commit of its own.
  std::optional<session_opening> opens;
  /// Serialized `facts.Fact`s; at least one.
  std::vector<std::string> facts;
  /// Bodies these facts refer to by hash. Stored once per content.
  std::vector<blob> blobs;
  /// For each fact the hashes it refers to, so that loading needs no parsing.
  std::vector<std::vector<blob_hash>> references;
  log_status status = log_status::running;
  /// Replaces the head's summary when set.
  std::optional<std::string> summary;
  /// Replaces the head's attributes when set.
  std::optional<std::map<std::string, std::string>> attributes;
  /// Set when it differs from what the append before said; a log that is born
  /// without one is not idle.
  std::optional<log_schedule> schedule;
  /// The log ends here, and somebody must hear of it still: a node activates
  /// it after a start until `close_log`.
  bool owes_end = false;
  /// One of these facts is a `RunContinued`: its place in `facts`. Loading
  /// starts there from now on.
  std::optional<std::uint32_t> base;
};

/// Reads a log whose shard this node owns, from its last `RunContinued` on.
/// The claim has seen to it that no older owner's append can come after this.
/// Answers log_image, `fenced` if a newer owner holds the shard, or
/// `not_found`.
struct open_log {
  log_id log;
};

/// An ended log owes its end to nobody any more. Told, not asked: if it gets
/// lost, the log is activated once more after a start, and says it again.
struct close_log {
  log_id log;
};

// -- queries ------------------------------------------------------------------

struct get_head {
  log_id log;
};

/// Facts after `after`, oldest first, without their blobs. Answers fact_page,
/// or `not_found`, also when the log is deleted while it is read.
struct read_facts {
  log_id log;
  log_version after = 0;
  std::uint32_t limit = 200;
};

/// Heads of one kind, newest first. Answers head_page.
struct list_heads {
  std::string kind = "workflow";
  tenant_id tenant;
  /// Only those that this log has started.
  std::optional<log_id> parent;
  /// Only those that this user has started.
  std::optional<user_id> user;
  std::optional<session_id> session;
  /// With a session: only those that are not older. Else of no meaning.
  std::optional<std::chrono::system_clock::time_point> since;
  std::vector<log_status> statuses;
  /// Only logs that have all of these.
  std::map<std::string, std::string> attributes;
  std::uint32_t limit = 20;
  std::uint32_t offset = 0;
};

/// What the tasks of a user's sessions add up to. Answers session_sums.
struct sum_sessions {
  tenant_id tenant;
  user_id user;
  struct part {
    session_id session;
    /// Tasks from before are not counted.
    std::chrono::system_clock::time_point since;
  };
  std::vector<part> sessions; ///< At most 100.
};

/// Logs of one kind that have not ended and are not idle, or owe their end:
/// what a node activates after a start. Ordered by id. Answers log_ids.
struct list_unfinished {
  std::string kind;
  /// Only ids after this one; empty for the first page.
  log_id after;
  std::uint32_t limit = 10'000;
};

/// Idle logs of one kind whose timer is due by the database's clock, the
/// longest overdue first. One index range, whatever the number of idle logs.
/// Answers due_logs.
struct list_due {
  std::string kind;
  std::uint32_t limit = 1'000;
};

/// Logs that have not ended, or owe their end, in the order of their birth: a
/// page of at most `limit`. Answers open_logs.
struct list_open {
  std::string kind; ///< Only those; empty: all.
  /// `next` of the page before; nothing for the first.
  std::optional<std::int64_t> after;
  std::uint32_t limit = 100;
};

/// Which of these logs go on by themselves: have not ended, or owe their end.
/// Answers log_states.
struct list_active {
  std::vector<log_id> logs;
};

struct get_blob {
  blob_hash hash;
};

/// Does the database answer? Answers pong within the caller's deadline.
struct ping {};

// -- replies ------------------------------------------------------------------

struct append_receipt {
  log_tail tail;
};

struct log_image {
  log_head head;
  /// Where the log stood before the first of `facts`: version 0, or what came
  /// before the last `RunContinued`. Its chain is what the first fact's
  /// checksum goes on from.
  log_tail base;
  std::vector<recorded_fact> facts;
  /// Every blob those facts refer to.
  std::map<blob_hash, std::string> blobs;
};

struct fact_page {
  std::vector<recorded_fact> facts;
  /// The head when the page was read: tells whether more can come.
  log_version version = 0;
  log_status status = log_status::queued;
  /// The first fact that is still kept. Those before it, if any, stood before
  /// the log's last `RunContinued` and were deleted.
  log_version first = 1;
};

struct head_page {
  std::vector<log_head> heads;
  std::uint64_t total = 0;
};

struct session_sum {
  std::uint64_t tasks = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::int64_t tokens = 0;
  std::int64_t cost_nanousd = 0;
  /// Of the newest task.
  std::string latest_query;
  log_status latest_status = log_status::queued;
  std::chrono::system_clock::time_point latest_at;
};

struct session_sums {
  /// Of sessions with tasks; of each the newest 1,000 are counted.
  std::map<session_id, session_sum> sessions;
};

struct log_ids {
  std::vector<log_id> logs;
};

struct log_states {
  std::map<log_id, log_status> logs;
};

struct open_log_row {
  log_id log;
  std::string kind;
  log_id parent;
  log_status status = log_status::queued;
  std::chrono::system_clock::time_point created_at;
  /// When its last facts were stored.
  std::chrono::system_clock::time_point updated_at;
  log_version version = 0;
  log_schedule schedule;
};

struct open_logs {
  std::vector<open_log_row> logs;
  /// Where the next page begins; nothing: this is the last.
  std::optional<std::int64_t> next;
};

struct due_logs {
  /// The database's clock when it looked.
  std::chrono::system_clock::time_point now;
  std::vector<log_id> logs;
  /// The earliest timer that is not in `logs`; nothing when there is none.
  std::optional<std::chrono::system_clock::time_point> next;
};

struct blob_body {
  std::string bytes;
};

struct pong {};

} // namespace shannon::store
