#include "actors/browser/page/actions.hpp"
#include "actors/kit/text.hpp"

#include <chrono>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;
using namespace nlohmann::literals;

namespace {

/// Chromium lets a gesture count for 5 s.
constexpr std::chrono::seconds gesture_lasts{4};

/// The value comes as a bounded text: what a page returns may be of any size.
/// `(` script `)` takes an expression, and a function is called; `{` script
/// `}` takes statements with `return`.
std::string wrapped(const std::string& script, bool expression,
                    std::size_t most) {
  auto body = expression ? "let value = (\n" + script
                               + "\n); if (typeof value === 'function') "
                                 "value = value(); return value;"
                         : script;
  return "(async () => { const value = await (async () => {" + body
         + "\n})(); const text = typeof value === 'string' ? value : "
           "JSON.stringify(value, null, 1) ?? String(value); return "
           "[text.length, text.slice(0, "
         + std::to_string(most)
         + "), typeof value, navigator.userActivation?.isActive]; })()";
}

} // namespace

asio::awaitable<void> do_evaluate(action_call& call) {
  if (!call.in.options().may_evaluate)
    throw action_failed{"running scripts in pages is not allowed here by "
                        "policy; use browser_extract or browser_observe"};
  auto script = call.text("script");
  auto most = call.in.options().text_bytes_max;
  auto page = call.in.current_tab();
  // A script may do what a user's click may. Chromium tells that to all its
  // processes each time: not again while the last one counts.
  auto begun = std::chrono::steady_clock::now();
  auto counts_until = std::exchange(page->gesture_until, {});
  bool gesture = begun >= counts_until;
  json answer;
  for (bool expression : {true, false}) {
    json how{{"expression", wrapped(script, expression, most)},
             {"awaitPromise", true},
             {"returnByValue", true},
             {"userGesture", gesture},
             {"silent", true}};
    answer
        = co_await page->ask("Runtime.evaluate", std::move(how), call.patience);
    // Nothing of it has run when it could not be read.
    auto thrown = answer.find("exceptionDetails");
    bool unread = thrown != answer.end() && !thrown->contains("stackTrace")
                  && thrown->value("/exception/className"_json_pointer, "")
                         == "SyntaxError";
    if (!unread)
      break;
  }
  if (auto thrown = answer.find("exceptionDetails"); thrown != answer.end()) {
    auto text = thrown->value("/exception/description"_json_pointer,
                              thrown->value("text", std::string{"it threw"}));
    throw action_failed{"the script failed: "
                        + std::string{kit::utf8_prefix(text, 1000)}};
  }
  auto& got = answer["result"]["value"];
  if (!got.is_array() || got.size() != 4)
    throw action_failed{"the script gave nothing that can be shown"};
  if (got[3] == true)
    page->gesture_until = gesture ? begun + gesture_lasts : counts_until;
  auto text = kit::valid_utf8(got[1].get<std::string>());
  auto shown = kit::utf8_prefix(text, most);
  bool whole = got[0].get<double>() <= static_cast<double>(most)
               && shown.size() == text.size();
  call.out.metadata["type"] = got[2];
  call.out.output = shown;
  if (!whole) {
    call.out.metadata["whole"] = false;
    call.out.output
        += "\n[cut after " + std::to_string(shown.size()) + " bytes]";
  }
}

} // namespace shannon::browser
