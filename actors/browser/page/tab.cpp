#include "actors/browser/page/tab.hpp"

#include "actors/browser/page/page_script.hpp"

#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

/// Our script's own world in each frame.
constexpr const char* world_name = "shannon";

} // namespace

void element_numbers::given(std::uint64_t until, const place& by) {
  if (until <= next_)
    return;
  auto last = first_.rbegin();
  bool same = last != first_.rend() && last->second.tab == by.tab
              && last->second.frame == by.frame;
  if (!same)
    first_.emplace(next_, by);
  next_ = until;
}

const element_numbers::place* element_numbers::find(std::uint64_t n) const {
  if (n == 0 || n >= next_)
    return nullptr;
  return &std::prev(first_.upper_bound(n))->second;
}

tab::tab(std::shared_ptr<chromium> in, target what, element_numbers& numbers,
         hooks tell)
    : frames(what.id, what.session), in_(std::move(in)), what_(std::move(what)),
      numbers_(numbers), tell_(std::move(tell)) {}

void tab::begin(const session_options& options) {
  dialogs_max = options.dialogs_max;
  enable(what_.session);
  send("Emulation.setFocusEmulationEnabled", {{"enabled", true}});
  show_as(options);
  auto weak = weak_from_this();
  auto seed = [weak](cdp_connection::answer got) {
    auto self = weak.lock();
    if (!self)
      return;
    if (got)
      self->frames.seed((*got)["frameTree"], self->what_.session);
    self->known_ = true;
    self->changed.tell();
  };
  in_->connection().call(what_.session, "Page.getFrameTree", json::object(),
                         std::move(seed));
  send("Runtime.runIfWaitingForDebugger");
}

void tab::enable(const std::string& session) {
  auto& connection = in_->connection();
  auto weak = weak_from_this();
  connection.hear(session,
                  [weak, session](std::string_view method, json& params) {
                    if (auto self = weak.lock())
                      self->heard(session, method, params);
                  });
  json frames_only = json::array({{{"type", "iframe"}}, {{"exclude", true}}});
  connection.send(session, "Page.enable");
  connection.send(session, "Page.setLifecycleEventsEnabled",
                  {{"enabled", true}});
  listen(session);
  connection.send(session, "Target.setAutoAttach",
                  {{"autoAttach", true},
                   {"waitForDebuggerOnStart", true},
                   {"flatten", true},
                   {"filter", frames_only}});
}

/// Bodies are of no interest: a renderer keeps none for us.
void tab::listen(const std::string& session) {
  in_->connection().send(
      session, "Network.enable",
      {{"maxTotalBufferSize", 0}, {"maxResourceBufferSize", 0}});
}

void tab::expect_answer() {
  status = 0;
  refused.clear();
  if (!std::exchange(deaf_, false))
    return;
  listen(what_.session);
  for (auto& [session, frame] : frame_of_)
    listen(session);
}

void tab::show_as(const session_options& options) {
  send("Emulation.setDeviceMetricsOverride", {{"width", options.width},
                                              {"height", options.height},
                                              {"deviceScaleFactor", 1},
                                              {"mobile", options.mobile}});
  if (options.mobile)
    send("Emulation.setTouchEmulationEnabled", {{"enabled", true}});
  if (!options.user_agent.empty()) {
    json as{{"userAgent", options.user_agent}};
    if (!options.locale.empty())
      as["acceptLanguage"] = options.locale;
    send("Emulation.setUserAgentOverride", std::move(as));
  } else if (!options.locale.empty()) {
    send("Network.setExtraHTTPHeaders",
         {{"headers", {{"Accept-Language", options.locale}}}});
  }
  if (!options.locale.empty())
    send("Emulation.setLocaleOverride", {{"locale", options.locale}});
}

asio::awaitable<void> tab::shown(time_point until) {
  // Answered by the renderer, after all that was sent before.
  co_await ask("Page.getFrameTree", json::object(), until);
}

asio::awaitable<void> tab::ready(time_point until) {
  auto self = shared_from_this();
  while (!known_ && open_) {
    if (std::chrono::steady_clock::now() >= until)
      throw page_silent{"a new page did not begin in time; try again"};
    co_await changed.wait(until);
  }
}

asio::awaitable<json> tab::ask(std::string method, json params,
                               time_point until, std::string session) {
  auto self = shared_from_this();
  if (!open_)
    throw action_failed{crashed_
                            ? "the page has crashed; load it again or another"
                            : "the page was closed; open another"};
  if (session.empty())
    session = what_.session;
  json answer;
  bool ended = false;
  try {
    answer = co_await calls_.ask(in_->connection(), std::move(session),
                                 std::move(method), std::move(params), until);
  } catch (const cdp_failed&) {
    if (open_)
      throw;
    ended = true;
  }
  if (ended)
    throw action_failed{crashed_
                            ? "the page has crashed; load it again or another"
                            : "the page was closed meanwhile"};
  co_return answer;
}

void tab::send(std::string method, json params) {
  in_->connection().send(what_.session, method, std::move(params));
}

asio::awaitable<json> tab::in_page(std::string frame_id, std::string verb,
                                   json given, time_point until) {
  auto self = shared_from_this();
  auto world = co_await world_of(frame_id, until);
  given["first"] = numbers_.next();
  json arguments
      = json::array({{{"value", verb}}, {{"value", std::move(given)}}});
  json params{{"functionDeclaration", "(verb, given) => shannon(verb, given)"},
              {"executionContextId", world},
              {"arguments", std::move(arguments)},
              {"returnByValue", true},
              {"awaitPromise", true}};
  std::string session;
  if (auto* where = frames.find(frame_id))
    session = where->session;
  json answer;
  std::string refused;
  try {
    answer = co_await ask("Runtime.callFunctionOn", std::move(params), until,
                          std::move(session));
  } catch (const cdp_failed& why) {
    if (why.why().code != errc::failed)
      throw;
    refused = why.what();
  }
  if (!refused.empty()) {
    if (auto* where = frames.find(frame_id); where && where->world == world)
      where->world = 0;
    throw document_gone{"the page has changed meanwhile; try again"};
  }
  auto got = answer["result"].find("value");
  if (answer.contains("exceptionDetails") || got == answer["result"].end()
      || !got->is_object())
    throw document_gone{"the page could not be read; try again"};
  auto next = got->value("next", std::uint64_t{0});
  numbers_.given(next, {what_.id, frame_id});
  if (frame_id == frames.main().id) {
    title = got->value("title", std::string{});
    frames.main().url = got->value("url", frames.main().url);
  }
  if (auto wrong = got->find("wrong"); wrong != got->end())
    throw action_failed{wrong->get<std::string>()};
  co_return std::move((*got)["value"]);
}

void tab::make_world(frame& of) {
  of.making_world = true;
  auto weak = weak_from_this();
  auto made = [weak, id = of.id, documents = of.documents,
               session = of.session](cdp_connection::answer got) {
    auto self = weak.lock();
    if (!self)
      return;
    auto* where = self->frames.find(id);
    if (where == nullptr || where->documents != documents)
      return;
    where->making_world = false;
    if (got && got->contains("executionContextId")) {
      where->world = (*got)["executionContextId"].get<int>();
      // What is asked of the script comes after it.
      self->in_->connection().send(session, "Runtime.evaluate",
                                   {{"expression", page_script()},
                                    {"contextId", where->world},
                                    {"silent", true}});
    }
    self->changed.tell();
  };
  in_->connection().call(of.session, "Page.createIsolatedWorld",
                         {{"frameId", of.id}, {"worldName", world_name}},
                         std::move(made));
}

asio::awaitable<int> tab::world_of(std::string frame_id, time_point until) {
  auto self = shared_from_this();
  bool asked = false;
  for (;;) {
    auto* where = frames.find(frame_id);
    if (!open_ || where == nullptr)
      throw document_gone{"the page has changed meanwhile; try again"};
    if (where->world != 0)
      co_return where->world;
    if (!where->making_world) {
      if (asked)
        throw document_gone{"the page has changed meanwhile; try again"};
      asked = true;
      make_world(*where);
    }
    if (std::chrono::steady_clock::now() >= until)
      throw page_silent{
          "the page did not answer in time: its scripts keep it busy; they "
          "were ended, try again or load another page"};
    co_await changed.wait(until);
  }
}

void tab::interrupt() {
  if (!open_)
    return;
  send("Runtime.terminateExecution");
  send("Page.stopLoading");
  for (auto& [session, frame] : frame_of_)
    in_->connection().send(session, "Runtime.terminateExecution");
}

void tab::crash(std::string why) {
  ended_because = std::move(why);
  send("Page.crash");
}

void tab::close() {
  if (!open_)
    return;
  interrupt();
  in_->connection().send("", "Target.closeTarget", {{"targetId", what_.id}});
}

void tab::end(bool crashed) {
  if (!open_)
    return;
  open_ = false;
  crashed_ = crashed;
  in_->connection().hear(what_.session, nullptr);
  for (auto& [session, frame] : frame_of_)
    in_->connection().hear(session, nullptr);
  calls_.end({errc::failed, "the page is no more", false, {}});
  changed.tell();
}

} // namespace shannon::browser
