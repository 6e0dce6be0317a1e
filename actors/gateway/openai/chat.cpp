#include "actors/gateway/openai/chat.hpp"

#include "actors/gateway/openai/chat_actor.hpp"
#include "actors/gateway/text/json_fields.hpp"

#include <utility>

namespace shannon::gateway::chat {

namespace {

/// Mail of one CHAT: above it deltas are dropped, and the end makes them good.
constexpr std::size_t mailbox_max = 4'000;

} // namespace

void open_chats::add(std::uint64_t number, caf::actor_addr who) {
  std::lock_guard guard{mutex_};
  all_.emplace(number, std::move(who));
}

void open_chats::remove(std::uint64_t number) {
  std::lock_guard guard{mutex_};
  all_.erase(number);
}

std::vector<std::uint64_t> open_chats::numbers() const {
  std::lock_guard guard{mutex_};
  std::vector<std::uint64_t> out;
  out.reserve(all_.size());
  for (const auto& [number, who] : all_)
    out.push_back(number);
  return out;
}

std::vector<caf::actor_addr> open_chats::take() {
  std::lock_guard guard{mutex_};
  std::vector<caf::actor_addr> out;
  for (auto& [number, who] : all_)
    out.push_back(who);
  all_.clear();
  return out;
}

// -- the actor ----------------------------------------------------------------

chat_actor::chat_actor(caf::actor_config& cfg, chat_args args)
    : actor_base(cfg, args.env, {"chat/" + std::to_string(args.number)},
                 mailbox_max),
      args_(std::move(args)),
      answer_(args_.request, args_.speaks, args_.metrics,
              [this, post = poster()] { post([this] { quit(); }); }) {
  args_.open->add(args_.number, address());
}

kit::handlers chat_actor::make_handlers() {
  using namespace remote;
  return {
      kit::on<LlmDelta>([this](auto&, const auto& m) { on(m); }),
      kit::on<RunEvent>([this](auto&, const auto& m) { on(m); }),
      kit::on<RunDelta>([this](auto&, const auto& m) { on(m); }),
      kit::on<beat>([this](auto&, const auto& m) { on(m); }),
  };
}

void chat_actor::started() {
  kit::in_context for_client{asked_for_};
  until_ = clock_now() + args_.settings->chat_timeout;
  begin();
  quit_if_over();
}

void chat_actor::stopping() {
  if (!attempt_key_.empty()) {
    remote::CancelEffect cancel;
    cancel.set_attempt_key(attempt_key_);
    tell({"llm"}, std::move(cancel));
  }
  if (live_) {
    remote::Unsubscribe msg;
    msg.set_task(task_);
    tell({"workflow/" + task_}, std::move(msg));
  }
  answer_.refuse({errc::unavailable, "the gateway ends", true, std::nullopt});
  args_.open->remove(args_.number);
}

// -- reading ------------------------------------------------------------------

void chat_actor::begin() {
  auto request = args_.was_read
                     ? result<chat_request>{std::move(*args_.was_read)}
                     : read_request(*args_.request, args_.speaks,
                                    args_.settings->json_depth_max);
  args_.was_read.reset();
  if (!request)
    return answer_.refuse(request.error());
  const auto* agent = agent_of(*request, args_.speaks, *args_.agents);
  answer_.begin(head_of(*request, args_.speaks, agent, env().now()),
                request->call.stream());
  if (agent)
    start_agent(std::move(*request), *agent);
  else
    ask_model(std::move(*request));
}

result<chat_request> read_request(const call& request, dialect speaks,
                                  std::uint32_t depth_max) {
  auto body = body_object(request.request(), depth_max);
  if (!body)
    return tl::unexpected<error>(body.error());
  switch (speaks) {
  case dialect::anthropic:
    return read_messages(*body);
  case dialect::completions:
    return read_completions(*body);
  case dialect::openai:
    break;
  }
  return read_chat(*body);
}

const config::chat_model* agent_of(const chat_request& request, dialect speaks,
                                   const config::chat_models& agents) {
  const auto& named = request.call.model();
  return speaks == dialect::completions ? nullptr
         : named.empty()                ? &agents.all.front()
                                        : agents.find(named);
}

answer_head head_of(const chat_request& request, dialect speaks,
                    const config::chat_model* agent,
                    std::chrono::system_clock::time_point now) {
  answer_head head;
  head.id = answer_id(speaks, now);
  head.model = agent ? agent->id : request.call.model();
  head.created = now;
  head.include_usage = request.include_usage;
  head.is_agent = agent != nullptr;
  return head;
}

// -- time, and the end --------------------------------------------------------

void chat_actor::on(const beat&) {
  if (clock_now() >= until_)
    return refuse({errc::timeout, "Request timed out", false, std::nullopt});
  answer_.keep_alive();
  quit_if_over();
}

void chat_actor::refuse(const error& why) {
  answer_.refuse(why);
  quit_if_over();
}

void chat_actor::quit_if_over() {
  if (answer_.over())
    quit();
}

caf::actor spawn_chat(caf::local_actor& parent, chat_args args) {
  return parent.spawn<chat_actor>(std::move(args));
}

} // namespace shannon::gateway::chat
