#include "config/keys.hpp"

#include "config/units.hpp"

#include <algorithm>
#include <cctype>
#include <limits>

namespace shannon::config {

namespace {

constexpr std::uint64_t KiB = 1024;
constexpr std::uint64_t MiB = 1024 * KiB;
constexpr std::uint64_t GiB = 1024 * MiB;
constexpr std::uint64_t second = 1'000;
constexpr std::uint64_t hour = 3'600 * second;

/// Elements of one list.
constexpr std::size_t list_max = 256;

using enum unit_kind;

#define SHANNON_AT(place) [](settings& s) -> target { return &s.place; }

const std::vector<key_spec> table{
    // -- top level -----------------------------------------------------------
    {"", "shards", number, 1, 4'096,
     "Shards of durable actors. Fixed once a cluster has stored anything.",
     SHANNON_AT(store.shards)},
    {"", "insecure", flag, 0, 1,
     "Links between nodes may listen beyond loopback without TLS: whoever "
     "reaches the port can give orders. Told at every start.",
     SHANNON_AT(insecure)},
    // -- database, redis -----------------------------------------------------
    {"database", "dsn", text, 0, 4'096,
     "libpq connection string or URL. Leave passwords to SHANNON_DATABASE_URL "
     "or a password file.",
     SHANNON_AT(store.dsn), true},
    {"redis", "url", text, 0, 4'096,
     "Redis URL. Empty: run without; only comfort is lost.",
     SHANNON_AT(redis_url), true},
    {"redis", "timeout", duration, 1, hour,
     "How long a request waits to be counted in Redis; then its node counts "
     "it.",
     SHANNON_AT(redis_timeout)},
    // -- node ----------------------------------------------------------------
    {"node", "host", text, 1, 253,
     "Name or address where peers reach the node.", SHANNON_AT(node.host)},
    {"node", "workers", number, 0, 1'024,
     "Threads that run actors. 0: one per core, at least 2.",
     SHANNON_AT(node.workers)},
    {"node", "drain_timeout", duration, 0, hour,
     "How long a node that ends waits for what is under way on it.",
     SHANNON_AT(node.drain_timeout)},
    {"node", "drain_notice", duration, 0, hour,
     "How long a node that is not ready any more still takes requests: until "
     "balancers have seen it.",
     SHANNON_AT(node.drain_notice)},
    // -- membership ----------------------------------------------------------
    {"membership", "lease", duration, 200, hour,
     "How long a node counts as live after it was last heard of.",
     SHANNON_AT(membership.lease)},
    {"membership", "renew_every", duration, 50, hour,
     "How often a node is heard of; less than half of the lease.",
     SHANNON_AT(membership.renew_every)},
    {"membership", "margin", duration, 10, hour,
     "A node stops writing this long before its lease ends for others.",
     SHANNON_AT(membership.margin)},
    {"membership", "settle", duration, 0, hour,
     "A newcomer is given shards of others after this long.",
     SHANNON_AT(membership.settle)},
    {"membership", "finish", duration, 0, hour,
     "How long a shard that goes to another node is kept while its runs have "
     "effects under way.",
     SHANNON_AT(membership.finish)},
    {"membership", "give_up_after", duration, 0, hour,
     "A node without a lease writes nothing, but keeps its runs this long.",
     SHANNON_AT(membership.give_up_after)},
    {"membership", "exit_after", duration, second, 24 * hour,
     "A node without a lease for this long ends.",
     SHANNON_AT(membership.exit_after)},
    // -- store ---------------------------------------------------------------
    {"store", "writers", number, 1, 64,
     "Connections that append; each has one group commit in flight.",
     SHANNON_AT(store.writers)},
    {"store", "readers", number, 1, 256, "Connections that read.",
     SHANNON_AT(store.readers)},
    {"store", "record_connections", number, 1, 256,
     "Connections for keys, users and sessions.",
     SHANNON_AT(store.record_connections)},
    {"store", "group_max", number, 1, 10'000,
     "Appends in one group commit. More raises throughput and latency.",
     SHANNON_AT(store.group_max)},
    {"store", "queue_max", number, 1, 10'000'000,
     "Appends waiting for a group; above it writers are told to come back.",
     SHANNON_AT(store.queue_max)},
    {"store", "statement_timeout", duration, 10, hour,
     "Longest a statement may run.", SHANNON_AT(store.statement_timeout)},
    {"store", "connect_timeout", duration, 10, hour,
     "Longest a connection may take.", SHANNON_AT(store.connect_timeout)},
    {"store", "lock_timeout", duration, 10, hour,
     "Longest wait for a row another session holds.",
     SHANNON_AT(store.lock_timeout)},
    {"store", "outage_wait", duration, 0, hour,
     "How long appends and queries wait for a database that is away.",
     SHANNON_AT(store.outage_wait)},
    {"store", "group_bytes_max", bytes, 64 * KiB, 1 * GiB,
     "Bytes of facts and bodies in one group commit.",
     SHANNON_AT(store.group_bytes_max)},
    {"store", "queue_bytes_max", bytes, 64 * KiB, 64 * GiB,
     "Bytes waiting for a group; above it writers are told to come back.",
     SHANNON_AT(store.queue_bytes_max)},
    {"store", "read_queue_max", number, 1, 10'000'000,
     "Queries waiting for a connection; above it readers are told to come "
     "back.",
     SHANNON_AT(store.read_queue_max)},
    // -- http ----------------------------------------------------------------
    {"http", "listen", host_port, 1, 1, "Where clients reach the API.",
     SHANNON_AT(http.listen)},
    {"http", "admin_listen", host_port, 1, 1,
     "Where operators reach health, metrics and the console.",
     SHANNON_AT(http.admin_listen)},
    {"http", "connections_max", number, 1, 1'000'000,
     "Connections open at once; above it 503 and close.",
     SHANNON_AT(http.connections_max)},
    {"http", "connections_per_ip_max", number, 1, 1'000'000,
     "Connections open at once from one address.",
     SHANNON_AT(http.connections_per_ip_max)},
    {"http", "header_bytes_max", bytes, 256, 1 * MiB,
     "Bytes of all headers of one request.", SHANNON_AT(http.header_bytes_max)},
    {"http", "header_fields_max", number, 1, 10'000,
     "Header fields of one request.", SHANNON_AT(http.header_fields_max)},
    {"http", "approvals_token", text, 0, 4'096,
     "Bearer token of decisions on the admin port. Leave it to "
     "SHANNON_HTTP__APPROVALS_TOKEN.",
     SHANNON_AT(http.approvals_token), true},
    {"http", "events_token", text, 0, 4'096,
     "Bearer token of events and daemons' signals on the admin port. Leave it "
     "to SHANNON_HTTP__EVENTS_TOKEN.",
     SHANNON_AT(http.events_token), true},
    {"http", "events_body_bytes_max", bytes, 1 * KiB, 1 * GiB,
     "Bytes of the events of one request on the admin port.",
     SHANNON_AT(http.events_body_bytes_max)},
    {"http", "body_bytes_max", bytes, 1 * KiB, 1 * GiB,
     "Bytes of a request body.", SHANNON_AT(http.body_bytes_max)},
    {"http", "task_body_bytes_max", bytes, 1 * KiB, 1 * GiB,
     "Bytes of a request body that submits a task: it may carry files.",
     SHANNON_AT(http.task_body_bytes_max)},
    {"http", "json_depth_max", number, 4, 1'000, "Nesting of a JSON body.",
     SHANNON_AT(http.json_depth_max)},
    {"http", "header_timeout", duration, 10, hour,
     "First byte to the end of the headers.", SHANNON_AT(http.header_timeout)},
    {"http", "first_byte_timeout", duration, 10, hour,
     "How long a connection may be open without a first byte.",
     SHANNON_AT(http.first_byte_timeout)},
    {"http", "body_timeout", duration, 10, hour,
     "How long a request body may take.", SHANNON_AT(http.body_timeout)},
    {"http", "body_grace", duration, 10, hour,
     "Age of a request body from which on body_rate_min holds.",
     SHANNON_AT(http.body_grace)},
    {"http", "body_rate_min", number, 1, 1'000'000'000,
     "Bytes a second that a request body must have come at.",
     SHANNON_AT(http.body_rate_min)},
    {"http", "bodies_bytes_max", bytes, 64 * KiB, 1'024 * GiB,
     "Bytes of request bodies in memory, of all connections; above it 503.",
     SHANNON_AT(http.bodies_bytes_max)},
    {"http", "requests_waiting_max", number, 1, 1'000'000,
     "Requests that wait for their answer, streams and chats not counted; "
     "above "
     "it 503 with Retry-After.",
     SHANNON_AT(http.requests_waiting_max)},
    {"http", "keep_alive_timeout", duration, 10, hour,
     "How long a connection may idle between requests.",
     SHANNON_AT(http.keep_alive_timeout)},
    {"http", "write_timeout", duration, 10, hour,
     "How long a reader may take no byte of an answer.",
     SHANNON_AT(http.write_timeout)},
    {"http", "requests_per_connection_max", number, 1, 1'000'000'000,
     "Requests on one connection; then it is closed.",
     SHANNON_AT(http.requests_per_connection_max)},
    {"http", "sse_heartbeat", duration, 100, hour,
     "Pause after which an idle event stream shows a sign of life.",
     SHANNON_AT(http.sse_heartbeat)},
    {"http", "sse_buffer_bytes_max", bytes, 4 * KiB, 1 * GiB,
     "Unsent bytes of one stream; above it the reader is dropped and resumes.",
     SHANNON_AT(http.sse_buffer_bytes_max)},
    {"http", "ask_timeout", duration, 10, hour,
     "How long a request waits for an actor before 503.",
     SHANNON_AT(http.ask_timeout)},
    {"http", "move_patience", duration, 0, hour,
     "How long a request for a run that changes its node is tried again "
     "before it gets 503.",
     SHANNON_AT(http.move_patience)},
    {"http", "chat_models_file", text, 0, 4'096,
     "Path of an openai_models.yaml. Empty: the one compiled in.",
     SHANNON_AT(http.chat_models_file)},
    {"http", "chat_timeout", duration, 10, hour,
     "How long a chat completion waits for its answer; then the client gets "
     "504.",
     SHANNON_AT(http.chat_timeout)},
    {"http", "cors_origins", text, 0, 4'096,
     "Origins that browsers may call from, separated by commas; * for all.",
     SHANNON_AT(http.cors_origins)},
    {"http", "rate_tenant_factor", number, 1, 1'000'000,
     "What all callers of a tenant may ask together, in what its tier allows "
     "one of them.",
     SHANNON_AT(http.rate_tenant_factor)},
    {"http", "rate_address_minute", number, 1, 1'000'000'000,
     "Counted requests from one address in a minute, of whoever.",
     SHANNON_AT(http.rate_address_minute)},
    // -- identity ------------------------------------------------------------
    {"identity", "secrets_file", text, 0, 4'096,
     "File with the pepper of API keys and the keys of tokens; only its owner "
     "may read it.",
     SHANNON_AT(identity.secrets_file)},
    {"identity", "issuer", text, 1, 256, "Who signs access tokens: their iss.",
     SHANNON_AT(identity.issuer)},
    {"identity", "audience", text, 1, 256,
     "For whom access tokens are: their aud.", SHANNON_AT(identity.audience)},
    {"identity", "access_lifetime", duration, second, 24 * hour,
     "How long an access token is good.", SHANNON_AT(identity.access_lifetime)},
    {"identity", "refresh_lifetime", duration, second, 366 * 24 * hour,
     "How long a refresh token is good.",
     SHANNON_AT(identity.refresh_lifetime)},
    {"identity", "clock_leeway", duration, 0, 300 * second,
     "How far clocks may be apart when a token begins or ends.",
     SHANNON_AT(identity.clock_leeway)},
    {"identity", "key_overlap", duration, 0, 366 * 24 * hour,
     "How long an API key is taken after another one has replaced it.",
     SHANNON_AT(identity.key_overlap)},
    {"identity", "cache_for", duration, 0, 5 * second,
     "How long an answer about a credential holds, so how late a revocation "
     "may be.",
     SHANNON_AT(identity.cache_for)},
    {"identity", "known_max", number, 1, 10'000'000,
     "Good credentials remembered.", SHANNON_AT(identity.known_max)},
    {"identity", "unknown_max", number, 1, 10'000'000,
     "Unknown credentials remembered.", SHANNON_AT(identity.unknown_max)},
    {"identity", "lookups_max", number, 1, 1'000'000,
     "Credentials being looked up; above it requests are told to come back.",
     SHANNON_AT(identity.lookups_max)},
    {"identity", "password_workers", number, 1, 64, "Passwords hashed at once.",
     SHANNON_AT(identity.password_workers)},
    {"identity", "passwords_waiting_max", number, 0, 100'000,
     "Passwords waiting to be hashed; above it logins are told to come back.",
     SHANNON_AT(identity.passwords_waiting_max)},
    {"identity", "password_memory", bytes, 7 * MiB, 4 * GiB,
     "Memory that hashing one password takes.",
     SHANNON_AT(identity.password_memory)},
    {"identity", "password_passes", number, 1, 1'000, "Passes over it.",
     SHANNON_AT(identity.password_passes)},
    // -- llm -----------------------------------------------------------------
    {"llm", "models_file", text, 0, 4'096,
     "Path of a models.yaml. Empty: the one compiled in.",
     SHANNON_AT(llm.models_file)},
    {"llm", "connect_timeout", duration, 10, hour,
     "Resolve, TCP and TLS to a provider.", SHANNON_AT(llm.connect_timeout)},
    {"llm", "first_token_timeout", duration, 10, hour,
     "Request sent to the first byte of the answer.",
     SHANNON_AT(llm.first_token_timeout)},
    {"llm", "between_tokens_timeout", duration, 10, hour,
     "Longest silence within an answer.",
     SHANNON_AT(llm.between_tokens_timeout)},
    {"llm", "call_timeout", duration, 10, 24 * hour,
     "Longest a call may take in all.", SHANNON_AT(llm.call_timeout)},
    {"llm", "concurrent_calls_max", number, 1, 100'000,
     "Calls in flight at each provider.", SHANNON_AT(llm.concurrent_calls_max)},
    {"llm", "queued_calls_max", number, 1, 1'000'000,
     "Calls waiting for a place at a provider; above it they are refused.",
     SHANNON_AT(llm.queued_calls_max)},
    {"llm", "response_bytes_max", bytes, 4 * KiB, 1 * GiB,
     "Bytes of one answer.", SHANNON_AT(llm.response_bytes_max)},
    // -- tool ----------------------------------------------------------------
    {"tool", "workspace_dir", text, 1, 4'096, "Where session workspaces live.",
     SHANNON_AT(tool.workspace_dir)},
    {"tool", "memory_dir", text, 1, 4'096,
     "Where files that are kept for users live.", SHANNON_AT(tool.memory_dir)},
    {"tool", "listed_files_max", number, 1, 10'000,
     "Files of one folder that a client is shown.",
     SHANNON_AT(tool.listed_files_max)},
    {"tool", "concurrent_runs_max", number, 1, 100'000,
     "Tool calls in flight on this node.",
     SHANNON_AT(tool.concurrent_runs_max)},
    {"tool", "waiting_runs_max", number, 1, 1'000'000,
     "Tool calls that wait for one of these to end.",
     SHANNON_AT(tool.waiting_runs_max)},
    {"tool", "output_bytes_max", bytes, 256, 16 * MiB,
     "Text of one result given to the model; the rest is cut and said so.",
     SHANNON_AT(tool.output_bytes_max)},
    {"tool", "fetch_timeout", duration, 10, hour, "Longest a page may take.",
     SHANNON_AT(tool.fetch_timeout)},
    {"tool", "fetch_bytes_max", bytes, 1 * KiB, 1 * GiB, "Bytes of one page.",
     SHANNON_AT(tool.fetch_bytes_max)},
    {"tool", "redirects_max", number, 0, 50, "Redirects followed for one page.",
     SHANNON_AT(tool.redirects_max)},
    {"tool", "python_wall_timeout", duration, 10, hour,
     "Longest a Python program may run.", SHANNON_AT(tool.python_wall_timeout)},
    {"tool", "python_cpu_seconds", number, 1, 3'600,
     "CPU seconds of a Python program.", SHANNON_AT(tool.python_cpu_seconds)},
    {"tool", "python_memory_bytes", bytes, 16 * MiB, 1'024 * GiB,
     "Memory of a Python program.", SHANNON_AT(tool.python_memory_bytes)},
    {"tool", "python_output_bytes", bytes, 256, 1 * GiB,
     "Output kept of a Python program.", SHANNON_AT(tool.python_output_bytes)},
    {"tool", "file_bytes_max", bytes, 1, 16 * GiB,
     "Bytes of one file in a workspace.", SHANNON_AT(tool.file_bytes_max)},
    {"tool", "workspace_bytes_max", bytes, 1, 1'024 * GiB,
     "Bytes of all files of one workspace.",
     SHANNON_AT(tool.workspace_bytes_max)},
    {"tool", "egress_allow", host_ports, 0, list_max,
     "host:port pairs that tools may reach although they are not public.",
     SHANNON_AT(tool.egress_allow)},
    // -- browser -------------------------------------------------------------
    {"browser", "program", text, 0, 4'096,
     "Path of the browser. Empty: chromium-headless-shell, else chromium.",
     SHANNON_AT(browser.program)},
    {"browser", "sessions_max", number, 1, 1'000,
     "Browser sessions of this node at once; more wait.",
     SHANNON_AT(browser.sessions_max)},
    {"browser", "tenant_sessions_max", number, 1, 1'000,
     "Browser sessions of one tenant on this node; more are refused.",
     SHANNON_AT(browser.tenant_sessions_max)},
    {"browser", "process_sessions_max", number, 1, 100,
     "Sessions of one browser process.",
     SHANNON_AT(browser.process_sessions_max)},
    {"browser", "processes_max", number, 1, 64, "Browser processes.",
     SHANNON_AT(browser.processes_max)},
    {"browser", "warm_sessions", number, 0, 100,
     "Sessions opened ahead of need.", SHANNON_AT(browser.warm_sessions)},
    {"browser", "idle_timeout", duration, 100, 24 * hour,
     "A session that nobody uses for so long is ended.",
     SHANNON_AT(browser.idle_timeout)},
    {"browser", "lifetime", duration, second, 24 * hour,
     "Longest life of a session.", SHANNON_AT(browser.lifetime)},
    {"browser", "process_opened_max", number, 1, 128,
     "Sessions after which a process takes no more.",
     SHANNON_AT(browser.process_opened_max)},
    {"browser", "process_lifetime", duration, second, 30 * 24 * hour,
     "Age at which a process takes no more sessions.",
     SHANNON_AT(browser.process_lifetime)},
    {"browser", "process_memory_max", bytes, 64 * MiB, 1'024 * GiB,
     "Memory of a process and its children above which it takes no more "
     "sessions.",
     SHANNON_AT(browser.process_memory_max)},
    {"browser", "open_timeout", duration, 100, hour,
     "Longest the opening of a session may take.",
     SHANNON_AT(browser.open_timeout)},
    {"browser", "action_timeout", duration, 100, hour,
     "Longest one action may take.", SHANNON_AT(browser.action_timeout)},
    {"browser", "may_evaluate", flag, 0, 1,
     "Models may run programs of their own in pages.",
     SHANNON_AT(browser.may_evaluate)},
    {"browser", "outline_bytes_max", bytes, 1 * KiB, 16 * MiB,
     "Bytes of a page's outline as a model is given it.",
     SHANNON_AT(browser.outline_bytes_max)},
    {"browser", "screenshot_bytes_max", bytes, 4 * KiB, 64 * MiB,
     "Bytes of one screenshot or PDF.",
     SHANNON_AT(browser.screenshot_bytes_max)},
    {"browser", "download_bytes_max", bytes, 1, 16 * GiB,
     "Bytes of one download.", SHANNON_AT(browser.download_bytes_max)},
    {"browser", "traffic_bytes_max", bytes, 1 * MiB, 1'024 * GiB,
     "Bytes between one session and the network.",
     SHANNON_AT(browser.traffic_bytes_max)},
    {"browser", "connections_max", number, 1, 10'000,
     "Connections of one session.", SHANNON_AT(browser.connections_max)},
    {"browser", "egress_allow", host_ports, 0, list_max,
     "host:port pairs that pages may reach although they are not public.",
     SHANNON_AT(browser.egress_allow)},
    {"browser", "allow_hosts", host_patterns, 0, list_max,
     "Hosts that pages may reach; empty: every public one.",
     SHANNON_AT(browser.allow_hosts)},
    {"browser", "deny_hosts", host_patterns, 0, list_max,
     "Hosts that pages may not reach, allowed or not.",
     SHANNON_AT(browser.deny_hosts)},
    // -- daemon --------------------------------------------------------------
    {"daemon", "connections_per_user_max", number, 1, 10'000,
     "Daemons of one user on one node; above it 429.",
     SHANNON_AT(daemon.connections_per_user_max)},
    {"daemon", "message_bytes_max", bytes, 256, 16 * MiB,
     "Bytes of one message of a daemon's.",
     SHANNON_AT(daemon.message_bytes_max)},
    {"daemon", "claim_lifetime", duration, 10, hour,
     "How long a message is one daemon's that has claimed it.",
     SHANNON_AT(daemon.claim_lifetime)},
    {"daemon", "approval_lifetime", duration, 10, 24 * hour,
     "How long a question of a daemon's waits for an answer.",
     SHANNON_AT(daemon.approval_lifetime)},
    {"daemon", "reply_wait", duration, 10, 24 * hour,
     "How long a message may go without its reply.",
     SHANNON_AT(daemon.reply_wait)},
    {"daemon", "messages_max", number, 1, 100'000,
     "Messages of one user without a reply; above it senders are refused.",
     SHANNON_AT(daemon.messages_max)},
    // -- run -----------------------------------------------------------------
    {"run", "iterations_max", number, 1, 10'000,
     "Turns of one agent; then it answers with what it has.",
     SHANNON_AT(run.iterations_max)},
    {"run", "agents_max", number, 1, 1'000, "Agents of one task.",
     SHANNON_AT(run.agents_max)},
    {"run", "step_attempts_max", number, 1, 1'000,
     "Attempts of one step; then it has failed.",
     SHANNON_AT(run.step_attempts_max)},
    {"run", "retry_backoff_min", duration, 1, hour,
     "Longest pause before the second attempt.",
     SHANNON_AT(run.retry_backoff_min)},
    {"run", "retry_backoff_max", duration, 1, 24 * hour,
     "Longest pause before any attempt.", SHANNON_AT(run.retry_backoff_max)},
    {"run", "tool_timeout", duration, 10, 24 * hour,
     "Longest a run waits for a tool.", SHANNON_AT(run.tool_timeout)},
    {"run", "facts_max", number, 100, 100'000'000,
     "Facts in one log; at the limit the run is parked and says so.",
     SHANNON_AT(run.facts_max)},
    {"run", "runs_max", number, 1, 10'000'000,
     "Runs active in memory on this node; above it new tasks get 503.",
     SHANNON_AT(run.runs_max)},
    {"run", "rest_after", duration, 0, 24 * hour,
     "How long a run that waits is kept in memory; 0ms: not at all.",
     SHANNON_AT(run.rest_after)},
    {"run", "append_wait", duration, 0, hour,
     "How long appends of runs may take on average; while they take longer, "
     "new tasks get 503. 0ms: however long.",
     SHANNON_AT(run.append_wait)},
    {"run", "runs_min", number, 1, 10'000'000,
     "So many runs are worked on however long appends take.",
     SHANNON_AT(run.runs_min)},
    {"run", "activations_max", number, 1, 100'000,
     "Logs read at once after a start, or because their timers are due.",
     SHANNON_AT(run.activations_max)},
    {"run", "inline_bytes_max", bytes, 256, 1 * MiB,
     "Bytes kept within a fact; larger bodies are stored by their hash.",
     SHANNON_AT(run.inline_bytes_max)},
    {"run", "conversation_bytes_max", bytes, 16 * KiB, 64 * MiB,
     "Largest conversation of an agent; older tool results make room.",
     SHANNON_AT(run.conversation_bytes_max)},
    // -- retention -----------------------------------------------------------
    {"retention", "keep_ended", duration, 0, 876'000 * hour,
     "How long a run is kept after its end: 0 for ever, else at least 1h.",
     SHANNON_AT(retention.keep_ended)},
    {"retention", "keep_continued", duration, 0, 876'000 * hour,
     "How long facts before a run's last continue-as-new are kept after it: "
     "0 as long as the run, else at least 1h.",
     SHANNON_AT(retention.keep_continued)},
    {"retention", "sweep_every", duration, 0, 24 * hour,
     "How often a node looks for what may go. 0: only `shannon sweep` does.",
     SHANNON_AT(retention.sweep_every)},
    {"retention", "batch_logs", number, 1, 10'000,
     "Runs that one transaction deletes.", SHANNON_AT(retention.batch_logs)},
    {"retention", "batch_appends", number, 1, 1'000'000,
     "Appends that one transaction deletes; a run of more goes as a whole.",
     SHANNON_AT(retention.batch_appends)},
    {"retention", "batch_pause", duration, 0, 60 * second,
     "Pause after each of these transactions.",
     SHANNON_AT(retention.batch_pause)},
    // -- link ----------------------------------------------------------------
    {"link", "listen", host_port, 0, 1,
     "Where other nodes reach this one; empty: it has no links. Beyond "
     "loopback only with TLS or `insecure`.",
     SHANNON_AT(link.listen)},
    {"link", "connect_timeout", duration, 10, hour,
     "Longest a connection to a peer may take.",
     SHANNON_AT(link.connect_timeout)},
    {"link", "handshake_timeout", duration, 10, hour,
     "Longest from a connection to the hello of its peer.",
     SHANNON_AT(link.handshake_timeout)},
    {"link", "handshakes_max", number, 1, 10'000,
     "Connections that have not said hello; above it a new one is closed.",
     SHANNON_AT(link.handshakes_max)},
    {"link", "probe_after", duration, 10, hour,
     "A peer this long silent is probed.", SHANNON_AT(link.probe_after)},
    {"link", "dead_after", duration, 100, hour,
     "A peer this long silent is down; more than twice probe_after.",
     SHANNON_AT(link.dead_after)},
    {"link", "reconnect_min", duration, 1, hour,
     "Longest pause before a peer is dialled a second time.",
     SHANNON_AT(link.reconnect_min)},
    {"link", "reconnect_max", duration, 1, hour,
     "Longest pause before a peer is dialled again.",
     SHANNON_AT(link.reconnect_max)},
    {"link", "window_mails", number, 16, 10'000'000,
     "Asks and tells on their way to one peer; above it asks are refused and "
     "tells dropped.",
     SHANNON_AT(link.window_mails)},
    {"link", "window_bytes", bytes, 4 * KiB, 16 * GiB,
     "Bytes on their way to one peer, beside one more envelope.",
     SHANNON_AT(link.window_bytes)},
    {"link", "reserve_bytes", bytes, 4 * KiB, 16 * GiB,
     "Bytes beyond the window that only answers may use.",
     SHANNON_AT(link.reserve_bytes)},
    {"link", "mail_bytes_max", bytes, 4 * KiB, 1 * GiB,
     "Bytes of one envelope; a larger one is refused.",
     SHANNON_AT(link.mail_bytes_max)},
    {"link", "asks_max", number, 16, 10'000'000,
     "Asks over one link without an answer; above it they are refused.",
     SHANNON_AT(link.asks_max)},
    // -- tls -----------------------------------------------------------------
    {"tls", "ca", text, 0, 4'096,
     "PEM file of the CA that signs the nodes' certificates.",
     SHANNON_AT(tls.ca)},
    {"tls", "cert", text, 0, 4'096,
     "PEM file of the node's certificate; a SAN of it is the node's name.",
     SHANNON_AT(tls.cert)},
    {"tls", "key", text, 0, 4'096, "PEM file of its key.", SHANNON_AT(tls.key)},
};

#undef SHANNON_AT

tl::unexpected<error> unexpected_value(const key_spec& key,
                                       const std::string& found) {
  constexpr std::size_t shown_max = 80;
  auto text = "expected " + expectation_of(key);
  if (!key.secret)
    text += ", found \"" + found.substr(0, shown_max) + "\"";
  return fail(errc::invalid_argument, std::move(text));
}

/// `*.example.com`, for one tenant `acme=*.example.com`.
result<std::uint64_t> parse_host_pattern(const std::string& from) {
  auto host = from.substr(from.find('=') + 1); // npos + 1: all of it.
  if (host.starts_with("*."))
    host.erase(0, 2);
  constexpr std::string_view others = "-._:[]";
  auto good = !host.empty() && host.size() <= 253
              && std::all_of(host.begin(), host.end(), [&](unsigned char c) {
                   return std::isalnum(c) != 0
                          || others.find(static_cast<char>(c))
                                 != std::string_view::npos;
                 });
  if (!good)
    return fail(errc::invalid_argument, "no host name");
  return 0;
}

/// The value as a number in the key's unit.
result<std::uint64_t> parse(const key_spec& key, const std::string& from) {
  switch (key.unit) {
  case number:
    return parse_number(from);
  case bytes:
    return parse_bytes(from);
  case duration:
    return parse_duration(from).map(
        [](auto span) { return static_cast<std::uint64_t>(span.count()); });
  case text:
    if (from.find('\0') != std::string::npos)
      return fail(errc::invalid_argument, "zero byte");
    return from.size();
  case flag:
    if (from != "true" && from != "false")
      return fail(errc::invalid_argument, "neither");
    return from == "true" ? 1 : 0;
  case host_port:
    if (from.empty() && key.least == 0)
      return 0;
    [[fallthrough]];
  case host_ports:
    return parse_endpoint(from).map(
        [](const auto&) { return std::uint64_t{0}; });
  case host_patterns:
    return parse_host_pattern(from);
  }
  return fail(errc::invalid_argument, "unknown unit");
}

std::string written(const key_spec& key, std::uint64_t value) {
  if (key.unit == bytes)
    return format_bytes(value);
  if (key.unit == duration)
    return format_duration(milliseconds{static_cast<std::int64_t>(value)});
  return std::to_string(value);
}

} // namespace

const std::vector<key_spec>& keys() {
  return table;
}

const key_spec* find_key(std::string_view section, std::string_view name) {
  for (const auto& key : table)
    if (key.section == section && key.name == name)
      return &key;
  return nullptr;
}

std::vector<std::string_view> key_names(std::string_view section) {
  std::vector<std::string_view> names;
  for (const auto& key : table)
    if (key.section == section)
      names.push_back(key.name);
  return names;
}

std::vector<std::string_view> section_names() {
  std::vector<std::string_view> names;
  for (const auto& key : table)
    if (!key.section.empty()
        && std::find(names.begin(), names.end(), key.section) == names.end())
      names.push_back(key.section);
  return names;
}

std::string path_of(const key_spec& key) {
  auto path = std::string{key.section};
  if (!path.empty())
    path += '.';
  return path.append(key.name);
}

std::string variable_of(const key_spec& key) {
  auto name = std::string{key.section};
  if (!name.empty())
    name += "__";
  name += key.name;
  for (auto& c : name)
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return "SHANNON_" + name;
}

std::string expectation_of(const key_spec& key) {
  auto range = [&](std::string what) {
    return what + " from " + written(key, key.least) + " to "
           + written(key, key.most);
  };
  switch (key.unit) {
  case number:
    return range("a whole number");
  case bytes:
    return range("a size") + ", such as 64KiB";
  case duration:
    return range("a duration") + ", such as 30s";
  case text:
    return "a text of " + std::to_string(key.least) + " to "
           + std::to_string(key.most) + " bytes";
  case flag:
    return "true or false";
  case host_port:
    return "an address and port, such as 127.0.0.1:8080";
  case host_ports:
    return "a list of at most " + std::to_string(key.most)
           + " pairs, such as [intranet.example:443]";
  case host_patterns:
    return "a list of at most " + std::to_string(key.most)
           + " host names, such as [*.example.com, acme=shop.example]";
  }
  return {};
}

result<void> assign(const key_spec& key, settings& into,
                    const std::string& from) {
  if (is_list(key.unit)) {
    // In the environment a list is written with commas.
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < from.size();) {
      auto end = std::min(from.find(',', at), from.size());
      parts.push_back(from.substr(at, end - at));
      at = end + 1;
    }
    return assign_list(key, into, parts);
  }
  auto value = parse(key, from);
  auto bounded = key.unit != host_port;
  if (!value || (bounded && (*value < key.least || *value > key.most)))
    return unexpected_value(key, from);
  struct visitor {
    std::uint64_t value;
    const std::string& from;
    void operator()(bool* to) const {
      *to = value != 0;
    }
    void operator()(std::uint32_t* to) const {
      *to = static_cast<std::uint32_t>(value);
    }
    void operator()(std::uint64_t* to) const {
      *to = value;
    }
    void operator()(milliseconds* to) const {
      *to = milliseconds{static_cast<std::int64_t>(value)};
    }
    void operator()(std::string* to) const {
      *to = from;
    }
    void operator()(std::vector<std::string>* to) const {
      *to = {from};
    }
  };
  std::visit(visitor{*value, from}, key.where(into));
  return {};
}

result<void> assign_list(const key_spec& key, settings& into,
                         const std::vector<std::string>& texts) {
  if (texts.size() > key.most)
    return unexpected_value(key, std::to_string(texts.size()) + " elements");
  for (const auto& one : texts)
    if (!parse(key, one))
      return unexpected_value(key, one);
  *std::get<std::vector<std::string>*>(key.where(into)) = texts;
  return {};
}

std::string value_of(const key_spec& key, const settings& from) {
  struct visitor {
    const key_spec& key;
    std::string operator()(const bool* x) const {
      return *x ? "true" : "false";
    }
    std::string operator()(const std::uint32_t* x) const {
      return written(key, *x);
    }
    std::string operator()(const std::uint64_t* x) const {
      return written(key, *x);
    }
    std::string operator()(const milliseconds* x) const {
      return format_duration(*x);
    }
    std::string operator()(const std::string* x) const {
      return *x;
    }
    std::string operator()(const std::vector<std::string>* x) const {
      std::string all;
      for (const auto& one : *x)
        all += (all.empty() ? "" : ",") + one;
      return all;
    }
  };
  auto copy = from;
  return std::visit(visitor{key}, key.where(copy));
}

const std::vector<std::string_view>& known_roles() {
  static const std::vector<std::string_view> roles{
      "gateway", "orchestrator", "agent",    "llm",
      "tool",    "browser",      "inspector"};
  return roles;
}

result<void> check_together(const settings& all) {
  auto refuse = [](std::string text) {
    return fail(errc::invalid_argument, std::move(text));
  };
  if (all.run.retry_backoff_min > all.run.retry_backoff_max)
    return refuse("run.retry_backoff_min is larger than retry_backoff_max");
  // Shorter, and a part could be dropped that somebody writes to yet.
  constexpr std::chrono::hours keep_least{1};
  for (const auto* name : {"keep_ended", "keep_continued"}) {
    const auto& key = *find_key("retention", name);
    auto copy = all;
    auto kept = *std::get<milliseconds*>(key.where(copy));
    if (kept > milliseconds{0} && kept < keep_least)
      return refuse(path_of(key) + ": expected 0, for ever, or at least 1h, "
                    + "found \"" + format_duration(kept) + "\"");
  }
  const auto& m = all.membership;
  if (m.renew_every * 2 >= m.lease || m.renew_every + m.margin >= m.lease)
    return refuse("membership.lease must be more than twice renew_every, and "
                  "more than renew_every and margin together");
  if (all.link.probe_after * 2 >= all.link.dead_after)
    return refuse("link.dead_after must be more than twice probe_after");
  if (all.link.reconnect_min > all.link.reconnect_max)
    return refuse("link.reconnect_min is larger than reconnect_max");
  const auto& tls = all.tls;
  if (!tls.empty() && (tls.ca.empty() || tls.cert.empty() || tls.key.empty()))
    return refuse("tls needs ca, cert and key, or none of them");
  auto link = parse_endpoint(all.link.listen);
  if (link && !is_loopback(*link) && tls.empty() && !all.insecure)
    return refuse("link.listen: other hosts reach " + all.link.listen
                  + ": give tls a ca, cert and key, use a loopback address, or "
                    "say insecure: true");
  auto api = parse_endpoint(all.http.listen);
  if (api && api->port != 0 && all.http.listen == all.http.admin_listen)
    return refuse("http.listen and http.admin_listen are the same");
  return {};
}

} // namespace shannon::config
