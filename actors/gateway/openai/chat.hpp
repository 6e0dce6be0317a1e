#pragma once

#include "actors/gateway/openai/answer_writer.hpp"
#include "actors/gateway/openai/chat_request.hpp"
#include "actors/gateway/routes/call.hpp"
#include "actors/kit/actor_base.hpp"
#include "config/chat_models.hpp"
#include "config/settings.hpp"
#include "metrics/gateway_metrics.hpp"

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/local_actor.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

namespace shannon::gateway::chat {

/// From GATEWAY, a few times in each `http.sse_heartbeat`: one timer for all
/// CHATs, since one of each would outlive most of them.
struct beat {};

/// CHATs that are there, so that GATEWAY can keep their time and end them; they
/// put themselves on it and take themselves off. Thread-safe.
class open_chats {
public:
  void add(std::uint64_t number, caf::actor_addr who);
  void remove(std::uint64_t number);
  std::vector<std::uint64_t> numbers() const;
  /// Empties it.
  std::vector<caf::actor_addr> take();

private:
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, caf::actor_addr> all_;
};

/// CHAT: one request for a completion, from its body to the last byte of its
/// answer. The model that it names is an agent of ours, then a task is started
/// and followed; or a model of a provider, then the role `llm` is asked.
///
///   takes       LlmDelta                     protocols/remote/llm.proto
///               RunEvent, RunDelta           protocols/remote/workflow.proto
///               beat                         this file
///   asks        LLM: LlmCall
///               WORKFLOW: StartTask, Subscribe
///               EVENT STORE: read_facts, get_head, list_heads
///   tells       LLM: CancelEffect, when the client has gone
///   supervised  by GATEWAY, temporary
///   persists    nothing; a task goes on without it
///   recovers    not at all: the client asks again
///   metrics     shannon_gateway_stream*      metrics/gateway_metrics.hpp
///
/// A client that goes away ends a direct call and its costs. A client that does
/// not read what comes is dropped at `http.sse_buffer_bytes_max`.
struct chat_args {
  kit::actor_env& env;
  metrics::gateway_metrics& metrics;
  std::shared_ptr<const config::http_settings> settings;
  std::shared_ptr<const config::chat_models> agents;
  std::uint64_t number = 0; ///< Bound to `chat/<number>`.
  dialect speaks = dialect::openai;
  call_ptr request;
  std::shared_ptr<open_chats> open;
  /// What `request` says, if somebody has read it already.
  std::optional<chat_request> was_read = std::nullopt;
};

/// What the body of a request says, in its language.
result<chat_request> read_request(const call& request, dialect speaks,
                                  std::uint32_t depth_max);

/// The agent that is to answer; null: a model of a provider. Who names no model
/// gets the first agent; only /v1/completions has tiers.
const config::chat_model* agent_of(const chat_request& request, dialect speaks,
                                   const config::chat_models& agents);

/// How an answer to it begins, now.
answer_head head_of(const chat_request& request, dialect speaks,
                    const config::chat_model* agent,
                    std::chrono::system_clock::time_point now);

/// The call to a model that it asks for, under an attempt key of its own. The
/// messages are moved out of it.
remote::LlmCall direct_call(chat_request& request, const tenant_id& tenant);

caf::actor spawn_chat(caf::local_actor& parent, chat_args args);

} // namespace shannon::gateway::chat
