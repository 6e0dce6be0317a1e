#pragma once

#include "protocols/errc.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// What an operator may change: a struct per section, the default in the
/// struct. Secrets never stand here; they come from the environment.
namespace shannon::config {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct store_settings {
  /// libpq connection string. Empty: SHANNON_DATABASE_URL, else none.
  std::string dsn;
  /// Connections that append; each has one group commit in flight.
  std::uint32_t writers = 1;
  /// Connections that read for the node, and as many for tenants.
  std::uint32_t readers = 2;
  /// Connections of the RECORD STORE: keys, users, sessions.
  std::uint32_t record_connections = 4;
  /// Appends in one group commit. More raises throughput and latency.
  std::uint32_t group_max = 512;
  /// Appends waiting for a group; above it `overloaded`.
  std::uint32_t queue_max = 20'000;
  milliseconds statement_timeout{10'000};
  milliseconds connect_timeout{3'000};
  /// Waiting for a row another session holds.
  milliseconds lock_timeout{5'000};
  /// How long an append or a query waits for a database that is away, or for
  /// its turn, before it is refused.
  milliseconds outage_wait{8'000};
  /// Bytes of facts and bodies in one group commit; one append may hold more.
  std::uint64_t group_bytes_max = 16ull * 1024 * 1024;
  /// Bytes waiting for a group; above it `overloaded`.
  std::uint64_t queue_bytes_max = 256ull * 1024 * 1024;
  /// Queries waiting for a connection; above it `overloaded`.
  std::uint32_t read_queue_max = 20'000;
  /// Fixed with the schema; a node with another number is refused.
  std::uint32_t shards = 256;
};

struct http_settings {
  std::string listen = "127.0.0.1:8080";
  std::string admin_listen = "127.0.0.1:8081";
  /// Connections open at once; above it 503 and close.
  std::uint32_t connections_max = 12'000;
  std::uint32_t connections_per_ip_max = 256;
  std::uint32_t header_bytes_max = 8 * 1024;
  std::uint32_t header_fields_max = 100;
  std::uint64_t body_bytes_max = 1024 * 1024;
  std::uint64_t task_body_bytes_max = 40ull * 1024 * 1024;
  std::uint32_t json_depth_max = 64;
  /// First byte to end of headers.
  milliseconds header_timeout{10'000};
  /// Connection open without a first byte.
  milliseconds first_byte_timeout{30'000};
  milliseconds body_timeout{30'000};
  /// From this age on a body must have come at `body_rate_min` bytes a second.
  milliseconds body_grace{5'000};
  std::uint32_t body_rate_min = 1'024;
  /// Bodies in memory, of all connections; above it 503 and close.
  std::uint64_t bodies_bytes_max = 512ull * 1024 * 1024;
  /// Requests of the API that wait for their answer, streams and chats not
  /// counted; above it 503 with Retry-After before anything of it is read but
  /// its bytes. So what stands in mailboxes and at the store is bounded here.
  std::uint32_t requests_waiting_max = 512;
  milliseconds keep_alive_timeout{75'000};
  milliseconds write_timeout{30'000};
  std::uint32_t requests_per_connection_max = 1'000;
  milliseconds sse_heartbeat{10'000};
  /// Unsent bytes of one stream; above it the reader is dropped and resumes.
  std::uint64_t sse_buffer_bytes_max = 256 * 1024;
  /// Unsent bytes of all streams together. Each may hold no more than is left
  /// of it, so of thousands each has less; one piece of any size goes through.
  std::uint64_t sse_buffers_bytes_max = 128ull * 1024 * 1024;
  /// How long a request waits for an actor before 503.
  milliseconds ask_timeout{15'000};
  milliseconds move_patience{5'000};
  /// Path of an openai_models.yaml; empty for the one compiled in.
  std::string chat_models_file;
  /// How long a chat completion waits for its answer; then 504, and the task,
  /// if it is one, goes on.
  milliseconds chat_timeout{2'100'000};
  std::string cors_origins = "*";
  /// What all callers of one tenant may ask together, in what its tier allows
  /// one of them; above it 429.
  std::uint32_t rate_tenant_factor = 10;
  /// Counted requests from one address in a minute, of whoever; above it 429.
  std::uint32_t rate_address_minute = 6'000;
  /// What single routes allow in a minute (`docs/api.md`), times this.
  std::uint32_t rate_route_factor = 1;
  /// Addresses, or networks as `10.0.0.0/8`, of proxies in front of the node.
  /// A request from one of them is counted for the address that it adds to
  /// `X-Forwarded-For`; nobody else's header is believed.
  std::vector<std::string> trusted_proxies;
  /// What a decision, and what events, on the admin port must bring as their
  /// Bearer token. Empty: whoever reaches the port may.
  std::string approvals_token;
  std::string events_token;
  std::uint64_t events_body_bytes_max = 10ull * 1024 * 1024;
  /// Serves without credentials, as whoever the client says. Only the flag
  /// `--dev` of a command sets it, no manifest and no variable can; and a node
  /// that others can reach does not start with it.
  bool dev = false;
};

/// Who may come in. What a stolen or revoked credential still opens is bounded
/// by `cache_for`: each node asks the database again after it.
struct identity_settings {
  /// File with the pepper of API keys and the keys of tokens, readable by its
  /// owner alone; docs/operations.md, "Keys". `up` and `cluster start` make
  /// one in their data directory if none is named.
  std::string secrets_file;
  /// `iss` and `aud` of access tokens: both must be exactly these.
  std::string issuer = "shannon-platform";
  std::string audience = "shannon-api";
  milliseconds access_lifetime = std::chrono::hours{1};
  milliseconds refresh_lifetime = std::chrono::hours{24 * 30};
  /// How far clocks may be apart when a token begins or ends.
  milliseconds clock_leeway = std::chrono::seconds{60};
  /// How long an API key is taken after another one has replaced it.
  milliseconds key_overlap = std::chrono::hours{24};
  /// How long an answer about a credential holds. A revocation is in force
  /// everywhere after this and one query.
  milliseconds cache_for{4'000};
  /// Credentials remembered as good, and as unknown. Above it the one that was
  /// looked up first goes; unknown ones never displace good ones.
  std::uint32_t known_max = 10'000;
  std::uint32_t unknown_max = 10'000;
  /// Credentials being looked up; above it requests get 503.
  std::uint32_t lookups_max = 256;
  /// Passwords hashed at once, and waiting for it; above it 503. Each costs
  /// `password_memory`, so this bounds what a flood of logins can take.
  std::uint32_t password_workers = 1;
  std::uint32_t passwords_waiting_max = 16;
  /// Of argon2id, for passwords set from now on.
  std::uint64_t password_memory = 19ull * 1024 * 1024;
  std::uint32_t password_passes = 2;
  /// The client id of this service with Google. Empty: nobody registers by it.
  /// Its secret, for sign-ins by code, stands in `secrets_file`.
  std::string google_client_id;
  /// Where Google's keys and its tokens are had.
  std::string google_keys_url = "https://www.googleapis.com/oauth2/v3/certs";
  std::string google_token_url = "https://oauth2.googleapis.com/token";
};

struct llm_settings {
  /// Path of a models.yaml; empty for the one compiled in.
  std::string models_file;
  milliseconds connect_timeout{10'000};
  milliseconds first_token_timeout{60'000};
  milliseconds between_tokens_timeout{30'000};
  milliseconds call_timeout{300'000};
  /// Calls in flight at each provider.
  std::uint32_t concurrent_calls_max = 64;
  /// Calls waiting for one of those places; above it `overloaded`.
  std::uint32_t queued_calls_max = 10'000;
  std::uint64_t response_bytes_max = 8ull * 1024 * 1024;
};

struct tool_settings {
  /// Where session workspaces live. On several nodes a volume that those with
  /// tools and those with the API share.
  std::string workspace_dir = ".shannon/workspaces";
  /// Where files that are kept for users live; shared likewise.
  std::string memory_dir = ".shannon/memory";
  /// Files of one folder that a client is shown; the list says if there are
  /// more.
  std::uint32_t listed_files_max = 1'000;
  std::uint32_t concurrent_runs_max = 16;
  /// Runs that wait for one of these to end; above it `overloaded`.
  std::uint32_t waiting_runs_max = 256;
  /// Text of one result given to the model; the rest is cut and said so.
  std::uint64_t output_bytes_max = 32 * 1024;
  milliseconds fetch_timeout{30'000};
  std::uint64_t fetch_bytes_max = 10ull * 1024 * 1024;
  std::uint32_t redirects_max = 5;
  milliseconds python_wall_timeout{30'000};
  std::uint32_t python_cpu_seconds = 20;
  std::uint64_t python_memory_bytes = 1024ull * 1024 * 1024;
  std::uint64_t python_output_bytes = 1024 * 1024;
  std::uint64_t file_bytes_max = 8ull * 1024 * 1024;
  std::uint64_t workspace_bytes_max = 256ull * 1024 * 1024;
  /// `host:port` pairs web_fetch may reach although they are not public. For
  /// tests and intranets; empty by default.
  std::vector<std::string> egress_allow;
};

/// Browser sessions of nodes with the role `browser`.
struct browser_settings {
  /// Empty: Debian's chromium-headless-shell, else its Chromium.
  std::string program;
  /// Sessions of this node at once; more wait where they are asked for, tenants
  /// taking turns.
  std::uint32_t sessions_max = 20;
  /// Of one tenant; more wait in turn, too, and keep nobody else waiting.
  std::uint32_t tenant_sessions_max = 10;
  /// A process takes so many at once; with more another one is started, at
  /// most `processes_max` of them.
  std::uint32_t process_sessions_max = 10;
  std::uint32_t processes_max = 4;
  /// Sessions opened ahead of need, once the first was asked for.
  std::uint32_t warm_sessions = 1;
  /// A session that nobody uses for so long is ended; who has its state can
  /// have it again.
  milliseconds idle_timeout = std::chrono::minutes{5};
  milliseconds lifetime = std::chrono::hours{2};
  /// A process takes no more sessions after so many, after this long, or above
  /// this memory of it and its children; it goes with its last one. Each has a
  /// way out of its own, which is made with the process and used once.
  std::uint32_t process_opened_max = 100;
  milliseconds process_lifetime = std::chrono::hours{4};
  std::uint64_t process_memory_max = 4ull * 1024 * 1024 * 1024;
  /// A process that does not open a session within this is ended.
  milliseconds open_timeout{10'000};
  /// Longest one action may take, whatever its arguments say.
  milliseconds action_timeout{60'000};
  /// Models may run programs of their own in pages.
  bool may_evaluate = false;
  std::uint64_t outline_bytes_max = 20'000;
  std::uint64_t screenshot_bytes_max = 8ull * 1024 * 1024;
  std::uint64_t download_bytes_max = 100ull * 1024 * 1024;
  /// Through the way out of one session, both directions together.
  std::uint64_t traffic_bytes_max = 1024ull * 1024 * 1024;
  std::uint32_t connections_max = 128;
  /// `host:port` pairs pages may reach although they are not public. For tests
  /// and intranets.
  std::vector<std::string> egress_allow;
  /// Hosts that pages may reach, `*.example.com` with all below; empty: every
  /// public one. `TENANT=pattern` counts for that tenant alone.
  std::vector<std::string> allow_hosts;
  /// Hosts they may not; goes before `allow_hosts`.
  std::vector<std::string> deny_hosts;
};

/// Programs of users' own machines that wait for messages over a WebSocket.
struct daemon_settings {
  /// Of one user, on one node; above it 429.
  std::uint32_t connections_per_user_max = 8;
  /// One message of a daemon's; a longer one closes its connection.
  std::uint64_t message_bytes_max = 64 * 1024;
  /// How long a message is one daemon's that has claimed it; `progress` begins
  /// it anew. Then another may claim it.
  milliseconds claim_lifetime{60'000};
  /// How long a question of a daemon's waits for an answer.
  milliseconds approval_lifetime = std::chrono::minutes{5};
  /// How long a message may go without its reply.
  milliseconds reply_wait = std::chrono::minutes{10};
  /// Messages of one user without a reply; above it `overloaded`.
  std::uint32_t messages_max = 1'000;
};

struct run_settings {
  std::uint32_t iterations_max = 25;
  std::uint32_t agents_max = 8;
  /// What a task may cost, in cents of a US dollar, all its agents together; a
  /// task may name less, not more. 0: no bound, but what it names.
  std::uint32_t task_cents_max = 0;
  std::uint32_t step_attempts_max = 5;
  milliseconds retry_backoff_min{500};
  milliseconds retry_backoff_max{30'000};
  milliseconds tool_timeout{120'000};
  /// Facts in one log; at the limit the run is parked and says so.
  std::uint32_t facts_max = 50'000;
  /// Runs active in memory on this node; above it new tasks get 503.
  std::uint32_t runs_max = 10'000;
  /// How long appends of runs may take on average, from the wish to the word
  /// that it is on disk. While they take longer, the node works on fewer runs
  /// and refuses new tasks with 503; those that it has go on, and those that
  /// wait do not count. A slower disk wants more; 0: only `runs_max` bounds.
  milliseconds append_wait{100};
  /// So many runs are worked on however long appends take.
  std::uint32_t runs_min = 64;
  /// A run that waits for a timer, a signal or a person leaves memory after
  /// this long, and at once when the node holds more than half of `runs_max`;
  /// 0: always at once. Shorter costs reads when it goes on, longer memory.
  milliseconds rest_after{5'000};
  /// Logs read at once after a start or because their timers are due; the
  /// others wait for their turn. More starts faster and loads Postgres more.
  std::uint32_t activations_max = 64;
  std::uint64_t inline_bytes_max = 8 * 1024;
  /// Bytes of one agent's conversation. At the limit the oldest tool results
  /// are left out, then the newest are cut; if that is not enough, it fails.
  std::uint64_t conversation_bytes_max = 512 * 1024;
  /// A session's first task that is planned asks a small model for a title.
  /// Without it the title is the query, cut.
  bool session_titles = true;
  /// How long it may take; then the title is the query, cut.
  milliseconds title_timeout{15'000};
};

/// What is deleted, and how. Ended logs go with their bodies, an agent's or
/// child run's not before the log that started it.
struct retention_settings {
  /// How long a log is kept after its end; 0: for ever. At least an hour:
  /// nobody may still be about to write where it stood. A session is kept as
  /// long after it was last opened or was deleted, and as long as its tasks.
  milliseconds keep_ended = std::chrono::hours{24 * 30};
  /// How long facts before a log's last `RunContinued` are kept after it; 0:
  /// as long as the log. At least an hour. Loading never needs them; events
  /// and exports then begin with the `RunContinued`.
  milliseconds keep_continued = std::chrono::hours{24 * 7};
  /// How often a node looks for what may go; 0: never, only `shannon sweep`
  /// does. A look reads the heads that are old enough, once.
  milliseconds sweep_every = std::chrono::minutes{10};
  /// Logs, and appends, one transaction deletes. More is faster and holds locks
  /// longer. A single log of more appends is deleted as a whole all the same.
  std::uint32_t batch_logs = 100;
  std::uint32_t batch_appends = 5'000;
  /// After each transaction, so that appends have the disk for themselves.
  milliseconds batch_pause{50};
};

struct node_settings {
  std::string name = "local";
  /// Where peers reach this node.
  std::string host = "127.0.0.1";
  /// CAF workers. 0: one per core, at least 2.
  std::uint32_t workers = 0;
  /// Messages that an actor holds if its kind has no bound of its own; above it
  /// asks are refused `overloaded` and tells dropped and counted.
  std::uint32_t mailbox_max = 10'000;
  /// Above so many bytes of its own in memory the node begins no new task, and
  /// what it has goes on. 0: whatever the machine has.
  std::uint64_t memory_max = 0;
  std::vector<std::string> roles;
  milliseconds drain_timeout{8'000};
  milliseconds drain_notice{0};
};

/// How nodes know of each other, by way of the database. The same for all nodes
/// of a cluster.
struct membership_settings {
  /// How long a node counts as live after it was last heard of. Shorter finds
  /// the dead sooner; longer bears a slower database.
  milliseconds lease{2'250};
  /// One statement each time; less than half of the lease.
  milliseconds renew_every{1'050};
  /// A node stops writing this long before its lease ends for others.
  milliseconds margin{250};
  /// A newcomer is given shards of others after this long, and later each time
  /// that it comes again soon.
  milliseconds settle{3'000};
  /// A shard that goes to another node is kept this long while its runs have
  /// effects under way; what is cut then is done again there, under its key.
  milliseconds finish{15'000};
  /// Without a lease a node writes nothing, but keeps its runs this long.
  milliseconds give_up_after{60'000};
  /// Then it ends, so that whoever supervises it starts it anew.
  milliseconds exit_after{300'000};
};

/// Links between nodes. A window is what a node takes of one peer before it has
/// said that it took it: so much memory a peer can cost.
struct link_settings {
  /// Where other nodes reach this one; empty: it has no links. Beyond loopback
  /// only with TLS, or if the manifest says `insecure`.
  std::string listen;
  milliseconds connect_timeout{2'000};
  /// From the first byte that could come to the peer's hello; then the
  /// connection is closed.
  milliseconds handshake_timeout{3'000};
  /// Connections that have not said hello; above it a new one is closed.
  std::uint32_t handshakes_max = 64;
  /// A peer this long silent is probed.
  milliseconds probe_after{500};
  /// A peer this long silent is down: its asks are refused `unavailable`.
  /// Shorter finds the dead sooner, longer bears slower machines.
  milliseconds dead_after{1'500};
  /// Pause before a peer is dialled again, doubled each time.
  milliseconds reconnect_min{50};
  milliseconds reconnect_max{2'000};
  /// Asks and tells on their way to a peer; above it asks are refused
  /// `overloaded`, tells dropped and counted.
  std::uint32_t window_mails = 8'192;
  std::uint64_t window_bytes = 8ull * 1024 * 1024;
  /// Bytes of answers beyond the window; above it an answer becomes a refusal.
  std::uint64_t reserve_bytes = 8ull * 1024 * 1024;
  /// One envelope; a larger one is refused `invalid_argument`.
  std::uint64_t mail_bytes_max = 48ull * 1024 * 1024;
  /// Asks over one link that have no answer yet; above it `overloaded`.
  std::uint32_t asks_max = 100'000;
};

/// PEM files of mutual TLS 1.3 between nodes: `shannon certs` makes them. All
/// three, or none.
struct tls_settings {
  /// Who may sign the certificates of nodes.
  std::string ca;
  /// This node's certificate, which names it, and its key.
  std::string cert;
  std::string key;

  bool empty() const noexcept {
    return ca.empty() && cert.empty() && key.empty();
  }
};

struct settings {
  /// Nodes of one cluster share a database; no other cluster may.
  std::string cluster = "local";
  node_settings node;
  membership_settings membership;
  store_settings store;
  http_settings http;
  identity_settings identity;
  llm_settings llm;
  tool_settings tool;
  browser_settings browser;
  daemon_settings daemon;
  run_settings run;
  retention_settings retention;
  link_settings link;
  tls_settings tls;
  /// Links without TLS may listen beyond loopback: whoever reaches the port can
  /// give orders. Told at every start.
  bool insecure = false;
  /// Redis URL; empty for none.
  std::string redis_url;
  /// How long a request waits to be counted in Redis; then this node counts it,
  /// and does not ask again for a second.
  milliseconds redis_timeout{100};
};

/// Reads one node's settings from a manifest. An unknown key, a wrong type or
/// a value out of range is refused with file, line, key and what is allowed.
result<settings> load(const std::string& file, const std::string& node);

/// Overlays `SHANNON_*` environment variables and checks the result.
result<settings> from_environment(settings base);

/// `127.0.0.1:8080` or `[::1]:8080`.
struct endpoint {
  std::string host;
  std::uint16_t port = 0;
};

result<endpoint> parse_endpoint(const std::string& text);

/// `HOST:PORT`, with brackets around an IPv6 address.
std::string to_string(const endpoint& where);

/// Does only this machine reach it?
bool is_loopback(const endpoint& where);

} // namespace shannon::config
