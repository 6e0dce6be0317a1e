#include "actors/browser/page/page_session.hpp"

#include <nlohmann/json.hpp>

#include <initializer_list>
#include <string_view>

namespace shannon::browser {

using nlohmann::json;

namespace {

json text(const char* about, std::size_t most = 4000) {
  return {{"type", "string"}, {"maxLength", most}, {"description", about}};
}

json one_of(std::initializer_list<const char*> all, const char* about) {
  return {{"type", "string"}, {"enum", json(all)}, {"description", about}};
}

json number(const char* about, double least, double most) {
  return {{"type", "number"},
          {"minimum", least},
          {"maximum", most},
          {"description", about}};
}

json integer(const char* about, int least, int most) {
  return {{"type", "integer"},
          {"minimum", least},
          {"maximum", most},
          {"description", about}};
}

json flag(const char* about) {
  return {{"type", "boolean"}, {"description", about}};
}

/// Every parameter of every action stands here once.
json parameter(std::string_view name) {
  if (name == "url")
    return text("An address that begins with http:// or https://", 8000);
  if (name == "wait_until")
    return one_of({"load", "domcontentloaded", "networkidle", "commit"},
                  "How far the page has to be loaded; load if left out");
  if (name == "selector")
    return text("Which element: @N from browser_observe, text=words, a CSS "
                "selector (also into open shadow roots and frames), or "
                "xpath=path; `a >> b` finds b within a");
  if (name == "button")
    return one_of({"left", "right", "middle"},
                  "Mouse button; left if left out");
  if (name == "click_count")
    return integer("2 for a double click", 1, 3);
  if (name == "text")
    return text("The text", 100'000);
  if (name == "full_page")
    return flag("All of the page instead of what the window shows");
  if (name == "extract_type")
    return one_of({"text", "html", "attribute", "links", "tables"},
                  "What to read; text if left out");
  if (name == "attribute")
    return text("Name of the attribute, for extract_type attribute", 200);
  if (name == "x" || name == "y")
    return number("In pixels", -1e7, 1e7);
  if (name == "timeout_ms")
    return integer("How long to wait for what the action needs", 1, 120'000);
  if (name == "script")
    return text("An expression, a function, or statements with return; its "
                "value is the result, a promise is awaited",
                100'000);
  if (name == "key")
    return text("Enter, Escape, Tab, ArrowDown, F5, a, Control+A and so on",
                60);
  if (name == "values")
    return {{"type", "array"},
            {"items", {{"type", "string"}, {"maxLength", 1000}}},
            {"maxItems", 100},
            {"description", "Labels or values of options"}};
  if (name == "state")
    return one_of({"visible", "hidden", "attached", "detached"},
                  "What to wait for; visible if left out");
  if (name == "network_idle")
    return flag("Wait until the page has loaded nothing for half a second");
  if (name == "ms")
    return integer("Wait so many milliseconds", 0, 60'000);
  if (name == "direction")
    return one_of({"down", "up", "left", "right"},
                  "Scroll by windows in this direction");
  if (name == "pages")
    return number("How many windows to scroll; 1 if left out", 0.1, 100);
  if (name == "format")
    return one_of({"png", "jpeg"}, "png if left out");
  if (name == "submit")
    return flag("Press Enter afterwards");
  if (name == "dialog")
    return one_of({"accept", "dismiss"},
                  "What to answer if the page asks to confirm; dismiss if "
                  "left out");
  if (name == "dialog_text")
    return text("What to answer if the page asks for a text", 1000);
  if (name == "landscape")
    return flag("Paper lies on its side");
  if (name == "device")
    return one_of({"desktop", "tablet", "mobile"}, "desktop if left out");
  if (name == "scroll_through")
    return flag("Scroll to the end and back, so that lazy parts are loaded");
  if (name == "selectors")
    return {{"type", "array"},
            {"items", {{"type", "string"}, {"maxLength", 1000}}},
            {"maxItems", 20},
            {"description", "What the sections are, instead of a guess"}};
  if (name == "min_height")
    return integer("Shorter sections are joined with the next", 1, 10'000);
  if (name == "merge_threshold")
    return integer("Sections are joined up to this height", 0, 10'000);
  if (name == "max_sections")
    return integer("The first so many are drawn", 1, 20);
  if (name == "tab_action")
    return one_of({"list", "new", "switch", "close"}, "list if left out");
  if (name == "tab")
    return integer("Number of the tab, from 1", 1, 1000);
  return nullptr;
}

std::string schema(std::initializer_list<const char*> names,
                   std::initializer_list<const char*> required) {
  json properties = json::object();
  for (auto* name : names)
    properties[name] = parameter(name);
  json out{{"type", "object"},
           {"properties", std::move(properties)},
           {"additionalProperties", false}};
  if (required.size() > 0)
    out["required"] = json(required);
  return out.dump();
}

/// All actions in one tool.
std::string schema_of_all() {
  auto names = {"url",          "wait_until", "selector",  "button",
                "click_count",  "text",       "full_page", "extract_type",
                "attribute",    "x",          "y",         "timeout_ms",
                "script",       "key",        "values",    "state",
                "network_idle", "ms",         "direction", "pages",
                "format",       "submit",     "dialog",    "dialog_text",
                "landscape",    "tab_action", "tab"};
  auto out = json::parse(schema(names, {"action"}));
  out["properties"]["action"]
      = one_of({"navigate", "click",      "type",     "fill", "select",
                "press",    "hover",      "scroll",   "wait", "extract",
                "observe",  "screenshot", "evaluate", "pdf",  "download",
                "back",     "forward",    "reload",   "tabs", "close"},
               "What to do");
  return out.dump();
}

std::vector<page_action> make_actions() {
  return {
      {"browser_navigate",
       "Loads a page. Call browser_observe afterwards to see what is on it.",
       schema({"url", "wait_until", "timeout_ms"}, {"url"}), false},
      {"browser_observe",
       "Shows the page as a numbered outline: what can be acted on, with its "
       "role, name, value and state, and the headings and text around it. "
       "The numbers (@12) are selectors for other actions.",
       schema({"selector", "timeout_ms"}, {}), false},
      {"browser_click",
       "Clicks an element, or a point of the window. Waits until the element "
       "is visible, at rest, enabled and not covered.",
       schema({"selector", "x", "y", "button", "click_count", "dialog",
               "dialog_text", "timeout_ms"},
              {}),
       true},
      {"browser_type",
       "Types text key by key, into an element or where the focus is. Keeps "
       "what is there; browser_fill replaces it.",
       schema({"selector", "text", "submit", "dialog", "dialog_text",
               "timeout_ms"},
              {"text"}),
       true},
      {"browser_fill", "Replaces what is in a field by text.",
       schema({"selector", "text", "submit", "dialog", "dialog_text",
               "timeout_ms"},
              {"selector", "text"}),
       true},
      {"browser_select", "Selects an option of a list by its label or value.",
       schema({"selector", "text", "values", "timeout_ms"}, {"selector"}),
       true},
      {"browser_press",
       "Presses a key, also with others held: Enter, Escape, Control+A.",
       schema({"key", "selector", "dialog", "dialog_text", "timeout_ms"},
              {"key"}),
       true},
      {"browser_hover", "Moves the pointer over an element.",
       schema({"selector", "timeout_ms"}, {"selector"}), false},
      {"browser_scroll",
       "Scrolls the page by windows, to a place, or to an element.",
       schema({"direction", "pages", "selector", "x", "y", "timeout_ms"}, {}),
       false},
      {"browser_wait",
       "Waits for an element, for text, until nothing loads any more, or for "
       "some time.",
       schema({"selector", "text", "state", "network_idle", "ms", "timeout_ms"},
              {}),
       false},
      {"browser_extract",
       "Reads text, HTML, an attribute, links or tables of the page or of "
       "elements.",
       schema({"selector", "extract_type", "attribute", "timeout_ms"}, {}),
       false},
      {"browser_screenshot",
       "Draws what the window shows, the full page or an element.",
       schema({"full_page", "selector", "format", "timeout_ms"}, {}), false},
      {"browser_evaluate", "Runs JavaScript in the page and gives its value.",
       schema({"script", "timeout_ms"}, {"script"}), true},
      {"browser_pdf", "Prints the page to a PDF file.",
       schema({"landscape"}, {}), false},
      {"browser_download",
       "Gets a file by its address, or by clicking an element.",
       schema({"url", "selector", "timeout_ms"}, {}), true},
      {"browser_back", "Goes back to the page before.",
       schema({"timeout_ms"}, {}), true},
      {"browser_forward", "Goes forward again.", schema({"timeout_ms"}, {}),
       true},
      {"browser_reload", "Loads the page again.", schema({"timeout_ms"}, {}),
       true},
      {"browser_tabs", "Lists, opens, switches or closes tabs.",
       schema({"tab_action", "tab", "url", "timeout_ms"}, {}), false},
      {"browser_close", "Closes the browser session.", schema({}, {}), false},
      {"browser",
       "Drives a web browser: one action of many. Call it with action "
       "observe to see the page.",
       schema_of_all(), true},
      // For clients of the browser service.
      {"browser_show_as",
       "Lays pages out as on a device, in a session that has shown none yet.",
       schema({"device"}, {}), false, false},
      {"browser_tidy",
       "Answers dialogs and banners that lie over the page, or hides them.",
       schema({"scroll_through"}, {}), false, false},
      {"browser_sections",
       "Draws the parts of a page from its top to its end, one by one.",
       schema({"selectors", "min_height", "merge_threshold", "max_sections"},
              {}),
       false, false},
  };
}

} // namespace

const std::vector<page_action>& page_actions() {
  static const std::vector<page_action> all = make_actions();
  return all;
}

} // namespace shannon::browser
