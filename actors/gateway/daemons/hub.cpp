#include "actors/gateway/daemons/hub.hpp"

#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_fields.hpp"

#include <algorithm>

namespace shannon::gateway::daemons {

namespace {

constexpr std::uint32_t depth_max = 32;
/// Threads that are remembered for daemons; then the first one is forgotten.
constexpr std::size_t threads_max = 10'000;
/// Messages and questions of other nodes; likewise.
constexpr std::size_t homes_max = 100'000;
/// What a task's id begins with, and no other message's.
constexpr std::string_view task_prefix = "task-";

std::string envelope(std::string_view type, std::string_view id,
                     json_out payload = {}) {
  json_out all;
  all["type"] = type;
  if (!id.empty())
    all["message_id"] = id;
  if (!payload.is_null())
    all["payload"] = std::move(payload);
  return go_text(all);
}

std::string text_of(const message& what) {
  json_out payload;
  payload["channel"] = what.channel;
  payload["thread_id"] = what.thread;
  payload["sender"] = what.sender;
  payload["text"] = what.text;
  if (!what.agent_name.empty())
    payload["agent_name"] = what.agent_name;
  if (!what.source.empty())
    payload["source"] = what.source;
  payload["timestamp"] = what.sent_at;
  return envelope("message", what.id, std::move(payload));
}

std::string string_in(const json_in& object, const char* name) {
  auto text = read_string(object, name, "");
  return text ? text->value_or("") : std::string{};
}

/// A question is its user's: others' of the same name are others.
std::string question_key(const owner& whose, const std::string& id) {
  return whose.tenant.value + '\n' + whose.user.value + '\n' + id;
}

remote::SignalTask event_signal(const std::string& run, const json_in& said) {
  remote::SignalTask msg;
  msg.set_task(run);
  auto& event = *msg.mutable_told();
  event.set_type(string_in(said, "event_type"));
  event.set_agent_id("daemon");
  event.set_message(string_in(said, "message"));
  if (const auto* data = find_field(said, "data"); data && data->is_object())
    event.set_payload_json(go_text(*data));
  const auto* seq = find_field(said, "seq");
  msg.set_signal_id(seq && seq->is_number_integer() ? "seq-" + seq->dump()
                                                    : random_uuid());
  return msg;
}

/// The first reply counts, whoever gives it and however often.
remote::SignalTask reply_signal(const std::string& run, const json_in& said) {
  json_in reply = json_in::object();
  for (const char* name : {"channel", "thread_id", "text", "format"})
    reply[name] = string_in(said, name);
  remote::SignalTask msg;
  msg.set_task(run);
  msg.set_name("daemon-reply-v1");
  msg.set_signal_id("reply");
  msg.set_payload(reply.dump());
  // A task tells its answer itself.
  if (run.starts_with(task_prefix))
    return msg;
  auto& event = *msg.mutable_told();
  event.set_type("LLM_OUTPUT");
  event.set_agent_id("final_output");
  event.set_message(reply["text"].get<std::string>());
  event.set_payload_json(json_in{{"response", reply["text"]}}.dump());
  return msg;
}

} // namespace

std::string run_of(std::string_view message_id) {
  return (message_id.starts_with(task_prefix) ? "" : "daemon:")
         + std::string{message_id};
}

result<outcome> hub::add(std::uint64_t number, const owner& whose) {
  auto all = daemons_of(whose);
  auto here = std::count_if(all.begin(), all.end(),
                            [](const auto& one) { return one.is_here(); });
  if (static_cast<std::size_t>(here) >= limits_.connections_per_user_max)
    return fail(errc::overloaded,
                "at most " + std::to_string(limits_.connections_per_user_max)
                    + " daemons of one user may be connected here",
                true);
  outcome out;
  out.says.push_back({number, envelope("connected", ""), {}});
  greet(number, whose, out);
  return out;
}

void hub::greet(const connection& who, const owner& whose, outcome& out) {
  daemons_.emplace(who, whose);
  by_owner_.emplace(whose, who);
  for (const auto& [id, one] : messages_)
    if (one.what.whose == whose && !one.claimed_by)
      out.says.push_back({who, text_of(one.what), id});
}

outcome hub::see(const node_id& node, const others& all) {
  outcome out;
  std::set<connection> there;
  for (const auto& [number, whose] : all)
    there.emplace(number, node);
  std::vector<connection> gone;
  for (auto at = daemons_.lower_bound({0, node});
       at != daemons_.end() && at->first.node == node; ++at)
    if (there.count(at->first) == 0)
      gone.push_back(at->first);
  for (const auto& who : gone)
    for (auto& told : remove(who).says)
      out.says.push_back(std::move(told));
  for (const auto& [number, whose] : all)
    if (!knows({number, node}))
      greet({number, node}, whose, out);
  return out;
}

outcome hub::lose(const node_id& node) {
  std::erase_if(homes_,
                [&](const auto& one) { return one.second.node == node; });
  return see(node, {});
}

void hub::lies_with(const node_id& home, const std::string& about,
                    time_point now) {
  if (homes_.size() >= homes_max && homes_.count(about) == 0)
    homes_.erase(homes_.begin());
  homes_[about] = {home, now + limits_.reply_wait};
}

/// A home decides about what its daemons say, wherever they are connected.
bool hub::pass_on(const connection& who, const std::string& about,
                  std::string_view text, outcome& out) const {
  auto at = homes_.find(about);
  if (!who.is_here() || at == homes_.end())
    return false;
  out.passes.push_back({at->second.node, who.number, std::string{text}});
  return true;
}

outcome hub::remove(const connection& who) {
  outcome out;
  auto gone = daemons_.find(who);
  if (gone == daemons_.end())
    return out;
  by_owner_.erase({gone->second, who});
  daemons_.erase(gone);
  std::erase_if(threads_, [&](const auto& one) { return one.second == who; });
  std::erase_if(questions_,
                [&](const auto& one) { return one.second.asked_by == who; });
  for (auto& [id, one] : messages_)
    if (one.claimed_by == who && !one.replying)
      release(one, out);
  return out;
}

std::size_t hub::count(const owner& whose) const {
  return daemons_of(whose).size();
}

std::vector<connection> hub::daemons_of(const owner& whose) const {
  std::vector<connection> out;
  for (auto at = by_owner_.lower_bound({whose, connection{0}});
       at != by_owner_.end() && at->first == whose; ++at)
    out.push_back(at->second);
  return out;
}

void hub::offer(const kept& one, outcome& out,
                std::optional<connection> but) const {
  const auto& what = one.what;
  auto text = text_of(what);
  auto at = what.thread.empty()
                ? threads_.end()
                : threads_.find({what.whose, what.channel, what.thread});
  if (at != threads_.end() && at->second != but)
    return out.says.push_back({at->second, text, what.id});
  for (const auto& who : daemons_of(what.whose))
    if (who != but)
      out.says.push_back({who, text, what.id});
}

/// Anybody may have it again.
void hub::release(kept& one, outcome& out) {
  auto had = std::exchange(one.claimed_by, std::nullopt);
  one.replying = false;
  offer(one, out, had);
}

result<outcome> hub::dispatch(message what, time_point now) {
  outcome out;
  if (messages_.count(what.id) != 0)
    return out;
  if (count(what.whose) == 0)
    return fail(errc::not_found, "no daemon connected");
  auto waiting
      = std::count_if(messages_.begin(), messages_.end(), [&](const auto& one) {
          return one.second.what.whose == what.whose;
        });
  if (static_cast<std::size_t>(waiting) >= limits_.messages_max)
    return fail(errc::overloaded,
                std::to_string(waiting) + " messages wait for replies", true);
  auto id = what.id;
  if (what.run.empty())
    what.run = run_of(id);
  auto [at, is_new] = messages_.emplace(
      id, kept{std::move(what), now + limits_.reply_wait, {}, {}, false});
  offer(at->second, out);
  return out;
}

outcome hub::heard(const connection& who, std::string_view text,
                   time_point now) {
  outcome out;
  auto said = parse_json(text, depth_max);
  if (!said || !said->is_object()) {
    out.close = true;
    return out;
  }
  auto type = string_in(*said, "type");
  auto id = string_in(*said, "message_id");
  const auto* given = find_field(*said, "payload");
  const auto payload = given && given->is_object() ? *given : json_in::object();
  if (type == "approval_request")
    ask(who, payload, now, out);
  else if (type == "approval_resolved") {
    if (auto key
        = question_key(daemons_.at(who), string_in(payload, "request_id"));
        questions_.count(key) != 0 || !pass_on(who, key, text, out))
      answer(who, payload, out);
  } else if (type == "disconnect")
    out.close = true;
  else if (!is_identifier(id))
    return out; // What follows is about a message; so is nothing else.
  else if (messages_.count(id) == 0 && pass_on(who, id, text, out))
    return out;
  else if (type == "claim")
    claim(who, id, now, out);
  else if (type == "reply" || type == "event")
    tell(who, id, payload, type == "reply", now, out);
  else if (type == "progress")
    if (auto at = messages_.find(id);
        at != messages_.end() && at->second.claimed_by == who)
      at->second.claim_ends = now + limits_.claim_lifetime;
  return out;
}

void hub::claim(const connection& who, const std::string& id, time_point now,
                outcome& out) {
  auto at = messages_.find(id);
  const auto& whose = daemons_.at(who);
  bool granted = at != messages_.end() && at->second.what.whose == whose
                 && !at->second.replying
                 && (at->second.claimed_by.value_or(who) == who
                     || at->second.claim_ends <= now);
  if (granted) {
    auto& one = at->second;
    one.claimed_by = who;
    one.claim_ends = now + limits_.claim_lifetime;
    if (!one.what.thread.empty()) {
      if (threads_.size() >= threads_max)
        threads_.erase(threads_.begin());
      threads_[{whose, one.what.channel, one.what.thread}] = who;
    }
  }
  out.says.push_back(
      {who, envelope("claim_ack", id, {{"granted", granted}}), id});
}

void hub::tell(const connection& who, const std::string& id,
               const json_in& payload, bool is_reply, time_point now,
               outcome& out) {
  auto at = messages_.find(id);
  bool is_strange = at == messages_.end();
  if (!is_strange && (at->second.claimed_by != who || at->second.replying))
    return; // Another has it, or its reply is on its way already.
  if (!is_reply && !is_identifier(string_in(payload, "event_type")))
    return;
  if (!is_strange) {
    at->second.claim_ends = now + limits_.claim_lifetime;
    at->second.replying = is_reply;
  }
  auto run = is_strange ? run_of(id) : at->second.what.run;
  out.words.push_back(
      {id, who, daemons_.at(who),
       is_reply ? reply_signal(run, payload) : event_signal(run, payload),
       is_reply, is_strange});
}

/// Whoever else is there for the user may answer it.
void hub::ask(const connection& who, const json_in& payload, time_point now,
              outcome& out) {
  auto id = string_in(payload, "request_id");
  const auto& whose = daemons_.at(who);
  auto key = question_key(whose, id);
  if (!is_identifier(id) || questions_.count(key) != 0
      || questions_.size() >= limits_.messages_max)
    return;
  questions_[key] = {who, whose, now + limits_.approval_lifetime};
  json_out told{{"event", "approval_request"}};
  for (const auto& [name, value] : payload.items())
    told[name] = value;
  for (const auto& other : daemons_of(whose))
    if (other != who)
      out.says.push_back({other, envelope("system", "", told), key});
}

void hub::answer(const connection& who, const json_in& payload, outcome& out) {
  auto id = string_in(payload, "request_id");
  auto decision = string_in(payload, "decision");
  auto at = questions_.find(question_key(daemons_.at(who), id));
  if (at == questions_.end()
      || (decision != "allow" && decision != "deny"
          && decision != "always_allow"))
    return;
  json_out told{{"request_id", id}, {"decision", decision}};
  if (auto by = string_in(payload, "resolved_by"); !by.empty())
    told["resolved_by"] = by;
  out.says.push_back({at->second.asked_by,
                      envelope("approval_response", "", std::move(told)),
                      {}});
  questions_.erase(at);
}

outcome hub::settled(const word& reply, const result<void>& how) {
  outcome out;
  messages_.erase(reply.message_id);
  json_out told{{"event", how ? "reply_stored" : "reply_refused"}};
  if (!how)
    told["error"] = how.error().text;
  if (daemons_.count(reply.from) != 0)
    out.says.push_back({reply.from,
                        envelope("system", reply.message_id, std::move(told)),
                        {}});
  return out;
}

outcome hub::tick(time_point now) {
  outcome out;
  std::erase_if(messages_,
                [&](const auto& one) { return one.second.due <= now; });
  std::erase_if(questions_,
                [&](const auto& one) { return one.second.due <= now; });
  std::erase_if(homes_, [&](const auto& one) { return one.second.due <= now; });
  for (auto& [id, one] : messages_)
    if (one.claimed_by && !one.replying && one.claim_ends <= now)
      release(one, out);
  return out;
}

} // namespace shannon::gateway::daemons
