#include "nodes/commands/run_view.hpp"

#include "actors/workflow/engine/operation.hpp"
#include "actors/workflow/engine/phase_text.hpp"
#include "actors/workflow/history/fact_json.hpp"
#include "actors/workflow/history/fact_line.hpp"
#include "actors/workflow/history/words.hpp"
#include "protocols/facts/fact.hpp"

#include <google/protobuf/util/json_util.h>

#include <cstdio>
#include <ctime>

namespace shannon::commands {

namespace {

using nlohmann::json;
using workflow::durable_run;

constexpr std::size_t input_columns = 60;

json message_json(const google::protobuf::Message* message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!message
      || !google::protobuf::util::MessageToJsonString(*message, &text, options)
              .ok())
    return nullptr;
  return json::parse(text, nullptr, false);
}

std::string money(std::int64_t nanousd) {
  char text[32];
  std::snprintf(text, sizeof text, "$%.6f", static_cast<double>(nanousd) / 1e9);
  return text;
}

std::string line(const std::string& label, const std::string& text) {
  return padded(label, 10) + one_line(text) + "\n";
}

} // namespace

std::string utc_text(std::int64_t unix_us) {
  if (unix_us == 0)
    return "never";
  auto seconds = static_cast<std::time_t>(unix_us / 1'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  auto size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03dZ",
                static_cast<int>(unix_us / 1'000 % 1'000));
  return text;
}

std::string standing_text(const viewed_run& run, const history::standing& at,
                          const terminal& out) {
  auto state = history::to_text(at.status);
  auto text = out.bold(one_line(run.log)) + "  " + one_line(run.kind) + " "
              + one_line(run.strategy) + ", " + state
              + (at.cancelling ? ", being cancelled" : "") + "\n";
  text += line("version", std::to_string(at.version) + " of "
                              + std::to_string(run.last) + ", "
                              + utc_text(run.at_us));
  if (!at.failure.empty())
    text += line("because", at.failure);
  const auto& usage = at.usage;
  if (usage.input_tokens() + usage.output_tokens() + usage.cost_nanousd() != 0)
    text += line("usage", std::to_string(usage.input_tokens()) + " tokens in, "
                              + std::to_string(usage.output_tokens()) + " out, "
                              + money(usage.cost_nanousd()));
  if (at.mismatch) {
    text += line("mismatch", facts::to_string(at.mismatch->step()));
    text += line("recorded", at.mismatch->recorded());
    text += line("asked", at.mismatch->asked());
  }
  if (!run.by_program)
    return text
           + line("next", run.redacted
                              ? "not known: texts and bodies were taken out"
                              : "not known: this build has no program \""
                                    + run.strategy + "\"");
  for (const auto& fact : at.append)
    text += line("append", history::fact_line(fact));
  for (const auto& stop : at.stop)
    text += line("stop", stop.key + ", " + stop.effect + ", attempt "
                             + std::to_string(stop.attempt));
  for (const auto& start : at.start)
    text
        += line("start", start.key + ", " + start.effect + ", attempt "
                             + std::to_string(start.attempt) + "  "
                             + shortened(message_json(start.input.get()).dump(),
                                         input_columns));
  if (at.wake_at_us)
    text += line("wakes", utc_text(*at.wake_at_us));
  if (at.append.empty() && at.start.empty() && at.stop.empty()
      && at.phase == durable_run::phase::running)
    text
        += line("next", at.wake_at_us ? "nothing before that, unless mail comes"
                                      : "nothing, until mail comes");
  return text;
}

json standing_json(const viewed_run& run, const history::standing& at) {
  json all{{"log", run.log},
           {"kind", run.kind},
           {"strategy", run.strategy},
           {"version", at.version},
           {"last_version", run.last},
           {"at_us", run.at_us},
           {"phase", to_text(at.phase)},
           {"status", history::to_text(at.status)},
           {"cancelling", at.cancelling},
           {"failure", at.failure},
           {"program_known", run.by_program},
           {"usage", message_json(&at.usage)},
           {"mismatch", nullptr},
           {"next", nullptr}};
  if (at.mismatch)
    all["mismatch"] = {{"step", facts::to_string(at.mismatch->step())},
                       {"reason", at.mismatch->reason()},
                       {"recorded", at.mismatch->recorded()},
                       {"asked", at.mismatch->asked()}};
  if (!run.by_program)
    return all;
  auto& next = all["next"];
  next["append"] = json::array();
  for (const auto& fact : at.append)
    next["append"].push_back(
        {{"kind", history::kind_of(fact)},
         {"fact", json::parse(history::fact_json(fact), nullptr, false)}});
  next["start"] = json::array();
  for (const auto& start : at.start)
    next["start"].push_back({{"step", start.key},
                             {"effect", start.effect},
                             {"attempt", start.attempt},
                             {"input", message_json(start.input.get())}});
  next["stop"] = json::array();
  for (const auto& stop : at.stop)
    next["stop"].push_back({{"step", stop.key},
                            {"effect", stop.effect},
                            {"attempt", stop.attempt}});
  next["idle"] = at.idle;
  next["wake_at_us"] = at.wake_at_us ? json(*at.wake_at_us) : json();
  return all;
}

} // namespace shannon::commands
