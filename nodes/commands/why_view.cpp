#include "nodes/commands/why_view.hpp"

#include "actors/workflow/engine/operation.hpp"
#include "actors/workflow/history/fact_line.hpp"
#include "nodes/commands/admin_client.hpp"
#include "protocols/facts/fact.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace shannon::commands {

namespace {

using nlohmann::json;

/// One thing a run waits for, whoever told it.
struct wait {
  std::string kind;
  std::string key;
  std::string what;
  std::int64_t attempt = 0;
  bool under_way = false;
  std::int64_t since_us = 0;
  std::int64_t due_us = 0;
  std::string run;
  std::string parked;
};

/// Proto JSON writes 64-bit numbers as texts.
std::int64_t number_at(const json& object, const char* name) {
  auto at = object.find(name);
  if (at == object.end())
    return 0;
  if (at->is_number_integer())
    return at->get<std::int64_t>();
  return at->is_string()
             ? std::strtoll(at->get<std::string>().c_str(), nullptr, 10)
             : 0;
}

std::vector<wait> waits_of(const known_run& run) {
  std::vector<wait> all;
  if (run.live.is_object()) {
    for (const auto& one : run.live.value("waits", json::array()))
      if (one.is_object())
        all.push_back({text_at(one, "kind"), text_at(one, "key"),
                       text_at(one, "what"), number_at(one, "attempt"),
                       one.value("under_way", json(false)) == json(true),
                       number_at(one, "since_us"), number_at(one, "due_us"),
                       text_at(one, "run"), text_at(one, "parked")});
    return all;
  }
  if (!run.at)
    return all;
  for (const auto& one : run.at->waits)
    all.push_back({one.kind(), one.key(), one.what(), one.attempt(), false,
                   one.since_us(), one.due_us(), one.run(), one.parked()});
  return all;
}

std::string line(const std::string& label, const std::string& text) {
  return "  " + padded(label, 10) + one_line(text) + "\n";
}

std::string ago(std::int64_t us, std::int64_t now_us) {
  return utc_text(us) + ", " + duration_text(now_us - us) + " ago";
}

std::string due(std::int64_t us, std::int64_t now_us) {
  return utc_text(us)
         + (us > now_us ? ", in " + duration_text(us - now_us)
                        : ", overdue by " + duration_text(now_us - us));
}

std::string wait_text(const wait& one, const known_run& run,
                      std::int64_t now_us) {
  std::string text;
  if (one.kind == "effect") {
    text = one.key + " (" + one.what + "), attempt "
           + std::to_string(std::max<std::int64_t>(one.attempt, 1));
    if (one.under_way)
      text += ", under way";
    else if (one.due_us != 0)
      text += ", starts " + due(one.due_us, now_us);
    else
      text += run.live.is_object() ? ", not started"
                                   : ", starts when a node has the run";
  } else if (one.kind == "timer") {
    text = one.key + ", due " + due(one.due_us, now_us);
  } else {
    text = one.what + ": shannon signal " + run.log + " " + one.what
           + " --payload TEXT";
  }
  if (one.since_us != 0)
    text += "; since " + utc_text(one.since_us);
  if (!one.parked.empty())
    text += "; that run is parked (" + one.parked + "): shannon why " + one.run;
  else if (!one.run.empty())
    text += "; see: shannon why " + one.run;
  return text;
}

bool lease_holds(const history_reader::owner& owner) {
  return owner.lease_left_us && *owner.lease_left_us > 0;
}

std::string owner_text(const history_reader::owner& owner) {
  auto shard = "shard " + std::to_string(owner.shard);
  if (owner.node.empty())
    return "nobody has claimed " + shard;
  auto text = "node " + owner.node + ", " + shard + ", epoch "
              + std::to_string(owner.epoch) + ", since "
              + utc_text(owner.claimed_us);
  if (!owner.lease_left_us)
    return text + "; its process " + owner.process + " is gone";
  if (lease_holds(owner))
    return text + "; its lease holds, for "
           + duration_text(*owner.lease_left_us);
  return text + "; its lease ended " + duration_text(-*owner.lease_left_us)
         + " ago";
}

bool is_open(const known_run& run) {
  return run.status == "running" || run.status == "queued"
         || run.status == "paused";
}

/// Of the waits the one that ends first by itself.
next_event earliest(const std::vector<wait>& waits) {
  next_event next;
  for (const auto& one : waits) {
    if (one.due_us == 0 || one.kind == "signal"
        || (next.at_us != 0 && one.due_us >= next.at_us))
      continue;
    next.at_us = one.due_us;
    if (one.kind == "timer")
      next.text = "timer " + one.key + " is due";
    else if (one.under_way)
      next.text = "the answer of " + one.key + " comes, or its time is over";
    else
      next.text = "attempt "
                  + std::to_string(std::max<std::int64_t>(one.attempt, 1))
                  + " of " + one.key + " starts";
  }
  return next;
}

std::string live_or(const known_run& run, const char* name,
                    const std::string& otherwise) {
  auto text = text_at(run.live, name);
  return text.empty() ? otherwise : text;
}

std::string failure_of(const known_run& run) {
  return live_or(run, "failure", run.at ? run.at->failure : std::string{});
}

std::string parked_place(const known_run& run) {
  if (run.live.is_object())
    if (auto text = place_text(run.live.value("parked_at", json()));
        !text.empty())
      return text;
  return run.at && run.at->mismatch && run.at->mismatch->has_step()
             ? facts::to_string(run.at->mismatch->step())
             : std::string{};
}

/// The commands that mend a parked run, with what each does.
std::string mends(const known_run& run) {
  auto command = [&](const std::string& text, const char* does) {
    return "    " + padded("shannon " + text, 50) + " " + does + "\n";
  };
  auto place = parked_place(run);
  std::string text = "  to mend it\n";
  text += command("replay " + run.log, "what this build would do with it");
  text += command("resume " + run.log,
                  "once the cause is gone: go on as recorded");
  if (!place.empty())
    text += command("retry " + run.log + " --step " + place,
                    "forget this step's record, make it again");
  if (run.kind != "agent")
    text += command("cancel " + run.log, "end it");
  return text;
}

std::string parked_text(const known_run& run) {
  auto text = line("because", failure_of(run));
  auto mismatch = run.at && run.at->mismatch ? &*run.at->mismatch : nullptr;
  auto recorded
      = live_or(run, "recorded", mismatch ? mismatch->recorded() : "");
  auto asked = live_or(run, "asked", mismatch ? mismatch->asked() : "");
  if (auto place = parked_place(run); !place.empty())
    text += line("at step", place);
  if (!recorded.empty() || !asked.empty()) {
    text += line("recorded", recorded);
    text += line("asked", asked);
  }
  return text + mends(run);
}

std::string running_text(const known_run& run, std::int64_t now_us) {
  std::string text;
  auto waits = waits_of(run);
  for (const auto& one : waits)
    text += line(one.kind == "signal" ? "signal" : "waits for",
                 (one.kind == "signal" ? "" : one.kind + " ")
                     + wait_text(one, run, now_us));
  if (waits.empty())
    text += line("waits for",
                 run.live.is_object() ? "nothing: it is about to go on"
                 : run.by_program     ? "nothing this build knows of"
                                  : "not known: this build has no program \""
                                        + run.strategy + "\"");
  if (run.at)
    for (const auto& fact : run.at->append)
      text += line("next", "append " + history::fact_line(fact));
  if (run.at && run.at->wake_at_us)
    text += line("wakes", due(*run.at->wake_at_us, now_us));
  return text;
}

} // namespace

std::string duration_text(std::int64_t microseconds) {
  auto seconds = microseconds / 1'000'000;
  if (seconds < 60) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s",
                  static_cast<double>(microseconds) / 1e6);
    return text;
  }
  auto two = [](std::int64_t a, const char* unit, std::int64_t b,
                const char* smaller) {
    return std::to_string(a) + " " + unit
           + (b == 0 ? "" : " " + std::to_string(b) + " " + smaller);
  };
  if (seconds < 3'600)
    return two(seconds / 60, "min", seconds % 60, "s");
  if (seconds < 86'400)
    return two(seconds / 3'600, "h", seconds % 3'600 / 60, "min");
  return two(seconds / 86'400, "d", seconds % 86'400 / 3'600, "h");
}

next_event next_of(const known_run& run, std::int64_t now_us) {
  if (run.status == "needs_operator")
    return {"nothing by itself: a person mends it", 0};
  if (!is_open(run))
    return {};
  if (run.owner && !lease_holds(*run.owner)) {
    auto shard = "shard " + std::to_string(run.owner->shard);
    return {"a node claims " + shard + " and reads the run from its log", 0};
  }
  auto waits = waits_of(run);
  auto next = earliest(waits);
  if (next.at_us != 0)
    return next;
  if (run.at && run.at->wake_at_us && *run.at->wake_at_us > now_us)
    return {"it is woken", *run.at->wake_at_us};
  auto is = [](const char* kind) {
    return [kind](const wait& one) { return one.kind == kind; };
  };
  auto work = std::find_if(waits.begin(), waits.end(), is("effect"));
  if (work != waits.end())
    return {work->under_way || !work->run.empty()
                ? "the answer of " + work->key + " is stored, and it goes on"
                : work->key + " starts once the node has the run",
            0};
  if (auto signal = std::find_if(waits.begin(), waits.end(), is("signal"));
      signal != waits.end())
    return {"nothing until signal " + signal->what + " comes", 0};
  return {"it goes on at once", 0};
}

std::string why_text(const known_run& run, std::int64_t now_us,
                     const terminal& out) {
  auto parked = run.status == "needs_operator";
  auto open = parked || run.status == "running" || run.status == "queued"
              || run.status == "paused";
  auto state = parked ? std::string{"is parked"}
               : open ? "is " + run.status
                      : "has ended: " + run.status;
  auto text
      = out.bold(one_line(run.log)) + " "
        + (run.kind.empty() ? "" : "(" + run.kind + " " + run.strategy + ") ")
        + (parked ? out.red(state) : state) + "\n";
  if (run.started_us != 0)
    text += line("started", ago(run.started_us, now_us));
  if (run.last != 0)
    text += line(open ? "last fact" : "ended", std::to_string(run.last) + ": "
                                                   + run.last_fact + ", "
                                                   + ago(run.last_us, now_us));
  if (run.at && run.at->cancelling && open)
    text += line("cancelling", failure_of(run));
  if (parked)
    text += parked_text(run);
  else if (open)
    text += running_text(run, now_us);
  else if (auto why = failure_of(run); !why.empty())
    text += line("because", why);
  if (auto next = next_of(run, now_us); !next.text.empty())
    text += line("then",
                 next.text
                     + (next.at_us == 0 ? std::string{}
                                        : ": " + due(next.at_us, now_us)));
  if (run.owner && open)
    text += line("owner", owner_text(*run.owner));
  if (open)
    text += line("node", run.node);
  if (!run.database.empty())
    text += line("database", run.database);
  return text;
}

json why_json(const known_run& run, std::int64_t now_us) {
  json all{{"run", run.log},
           {"kind", run.kind},
           {"strategy", run.strategy},
           {"status", run.status},
           {"started_us", run.started_us},
           {"last_version", run.last},
           {"last_fact", run.last_fact},
           {"last_us", run.last_us},
           {"now_us", now_us},
           {"because", failure_of(run)},
           {"parked_at", parked_place(run)},
           {"live", run.live},
           {"node", run.node},
           {"owner", nullptr},
           {"waits", json::array()}};
  if (run.owner)
    all["owner"] = {{"node", run.owner->node},
                    {"shard", run.owner->shard},
                    {"epoch", run.owner->epoch},
                    {"claimed_us", run.owner->claimed_us},
                    {"process", run.owner->process},
                    {"lease_holds", lease_holds(*run.owner)},
                    {"lease_left_us", run.owner->lease_left_us
                                          ? json(*run.owner->lease_left_us)
                                          : json(nullptr)}};
  auto next = next_of(run, now_us);
  all["next"] = {{"text", next.text},
                 {"at_us", next.at_us == 0 ? json(nullptr) : json(next.at_us)}};
  for (const auto& one : waits_of(run))
    all["waits"].push_back({{"kind", one.kind},
                            {"key", one.key},
                            {"what", one.what},
                            {"attempt", one.attempt},
                            {"under_way", one.under_way},
                            {"since_us", one.since_us},
                            {"due_us", one.due_us},
                            {"run", one.run},
                            {"parked", one.parked}});
  return all;
}

} // namespace shannon::commands
