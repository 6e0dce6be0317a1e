// What a task may cost, and how its parts share it.

#include "actors/workflow/strategies/purse.hpp"
#include "actors/workflow/strategies/task.hpp"
#include "tests/kit/run_driver.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::workflow;

namespace {

facts::Usage used(std::int64_t nanousd, std::int64_t tokens = 0) {
  facts::Usage out;
  out.set_cost_nanousd(nanousd);
  out.set_output_tokens(tokens);
  return out;
}

/// Whoever is asked takes a part of what it may cost, at most all of it.
struct spenders {
  std::string plan_text;
  std::mt19937_64 dice{7};
  double least = 0; ///< Of its share that each takes, and at most.
  double most = 1;
  std::set<std::string> failing;
  std::int64_t spent = 0;
  std::vector<remote::AgentBrief> briefs;
  std::vector<remote::LlmRequest> asked;

  std::int64_t take(std::int64_t share) {
    std::uniform_real_distribution<double> part{least, most};
    auto cost
        = static_cast<std::int64_t>(part(dice) * static_cast<double>(share));
    spent += cost;
    return cost;
  }

  durable_run::effect_outcome
  operator()(const durable_run::effect_start& start) {
    if (start.effect == "agent") {
      const auto& brief = dynamic_cast<const remote::AgentBrief&>(*start.input);
      briefs.push_back(brief);
      auto usage = used(take(brief.budget_nanousd()));
      if (failing.count(brief.name()) != 0)
        return {fail(errc::failed, "broke"), {}, {}, 0};
      remote::AgentReport report;
      report.set_name(brief.name());
      report.set_success(true);
      report.set_text("by " + brief.name());
      return {report.SerializeAsString(), usage, {}, 0};
    }
    const auto& request = dynamic_cast<const remote::LlmRequest&>(*start.input);
    asked.push_back(request);
    remote::LlmResponse answer;
    answer.mutable_message()->set_text(request.purpose() == "plan" ? plan_text
                                                                   : "joined");
    return {answer.SerializeAsString(),
            used(take(request.cost_nanousd_max())),
            {},
            0};
  }
};

/// `n` parts, each of which may need some before it.
std::string plan_of(std::size_t n, std::mt19937_64& dice) {
  auto parts = nlohmann::json::array();
  for (std::size_t i = 0; i < n; ++i) {
    auto needs = nlohmann::json::array();
    for (std::size_t k = 0; k < i; ++k)
      if (dice() % 3 == 0)
        needs.push_back("p" + std::to_string(k));
    parts.push_back({{"id", "p" + std::to_string(i)},
                     {"description", "do " + std::to_string(i)},
                     {"dependencies", needs}});
  }
  return nlohmann::json{{"mode", "standard"}, {"subtasks", parts}}.dump();
}

struct market {
  std::shared_ptr<spenders> team = std::make_shared<spenders>();
  std::unique_ptr<run_driver> world;

  void run(std::int64_t budget_nanousd, std::int64_t tokens = 0) {
    world = std::make_unique<run_driver>(
        [](context ctx, std::string input) {
          return run_task(std::move(ctx), std::move(input), {});
        },
        [team = team](auto& start) { return (*team)(start); });
    remote::TaskInput input;
    input.set_query("do it");
    input.set_budget_nanousd(budget_nanousd);
    input.set_agent_tokens_max(tokens);
    world->begin(input.SerializeAsString());
    world->settle();
  }

  std::size_t warnings() const {
    auto all = world->event_types();
    return static_cast<std::size_t>(
        std::count(all.begin(), all.end(), "BUDGET_THRESHOLD"));
  }
  std::string answer() const {
    remote::AgentReport report;
    report.ParseFromString(world->run->output());
    return report.text();
  }
};

} // namespace

TEST_CASE("a budget knows what is left, when it is thin, and when spent") {
  budget both{"task", 1'000, 200};
  CHECK(both.nanousd_left(used(300)) == 700);
  CHECK(both.tokens_left(used(0, 150)) == 50);
  CHECK_FALSE(both.is_thin(used(799, 159)));
  CHECK(both.is_thin(used(800)));
  CHECK(both.is_thin(used(0, 160)));
  CHECK_FALSE(both.is_spent(used(999, 199)));
  CHECK(both.is_spent(used(1'000)));
  CHECK(both.is_spent(used(0, 200)));
  CHECK(both.nanousd_left(used(2'000)) == 0);
  // What is left pays for one more such call, not for two.
  CHECK_FALSE(both.is_thin(used(500), used(250)));
  CHECK(both.is_thin(used(500), used(251)));
  CHECK_FALSE(both.is_thin(used(0, 100), used(0, 50)));
  CHECK(both.is_thin(used(0, 100), used(0, 51)));
  both.lose(400);
  CHECK(both.nanousd_left(used(300)) == 300);
  budget none{"task", 0, 0};
  CHECK_FALSE(none.is_spent(used(1'000'000, 1'000'000)));
  CHECK_FALSE(none.is_thin(used(1'000'000, 1'000'000)));
}

TEST_CASE("a warning says what clients know of it") {
  auto event = budget{"task", 50'000'000, 0}.warning(used(42'000'000, 900));
  CHECK(event.type() == "BUDGET_THRESHOLD");
  CHECK(event.agent_id() == "budget-manager");
  auto told = nlohmann::json::parse(event.payload_json());
  CHECK(told["usage_percent"] == 84);
  CHECK(told["threshold_percent"] == 80);
  CHECK(told["tokens_used"] == 900);
  CHECK(told["level"] == "warning");
  CHECK(told["budget_type"] == "task");
  CHECK(told["cost_usd"] == 0.042);
  CHECK(told["cost_budget_usd"] == 0.05);
}

TEST_CASE("whatever its parts take of their shares, a task stays within its "
          "budget") {
  std::mt19937_64 dice{42};
  for (int round = 0; round < 200; ++round) {
    market m;
    m.team->dice.seed(dice());
    m.team->least = round % 2 == 0 ? 0 : 1; // All that they may, every other.
    m.team->plan_text = plan_of(2 + dice() % 6, dice);
    if (round % 5 == 0)
      m.team->failing = {"agent-p0", "agent-p3"};
    auto most = static_cast<std::int64_t>(1 + dice() % 1'000'000'000);
    m.run(most);
    INFO("round " << round << ", of " << most << ", plan "
                  << m.team->plan_text);
    CHECK(m.team->spent <= most);
    for (const auto& brief : m.team->briefs)
      CHECK(brief.budget_nanousd() > 0);
    for (const auto& request : m.team->asked)
      CHECK(request.cost_nanousd_max() > 0);
  }
}

TEST_CASE("what one part leaves, those after it have") {
  market m;
  m.team->most = 0; // Nobody takes anything.
  m.team->plan_text = R"({"subtasks":[
    {"id":"a","description":"a","dependencies":[]},
    {"id":"b","description":"b","dependencies":["a"]}]})";
  m.run(6'000'000);
  REQUIRE(m.team->briefs.size() == 2);
  // A sixth is kept for the synthesis.
  CHECK(m.team->briefs[0].budget_nanousd() == 2'500'000);
  CHECK(m.team->briefs[1].budget_nanousd() == 5'000'000);
  CHECK(m.team->asked.back().cost_nanousd_max() == 6'000'000);
  CHECK(m.warnings() == 0);
}

TEST_CASE("without a budget nobody has a bound") {
  market m;
  m.team->plan_text = R"({"mode":"simple","subtasks":[]})";
  m.run(0, 5'000);
  CHECK(m.team->briefs[0].budget_nanousd() == 0);
  CHECK(m.team->briefs[0].tokens_max() == 5'000);
  CHECK(m.team->asked[0].cost_nanousd_max() == 0);
}

TEST_CASE("a task that has spent all fails and says so") {
  market m;
  m.team->least = 1; // The plan takes all.
  m.team->plan_text = R"({"mode":"simple","subtasks":[]})";
  m.run(6'000'000);
  CHECK(m.team->briefs.empty());
  CHECK(m.world->run->failure().text
        == "the budget of the task is spent: 0.006000 of 0.006000 US dollars");
}

TEST_CASE("a task that cannot pay for a synthesis gets the reports in a row") {
  market m;
  m.team->plan_text = R"({"subtasks":[
    {"id":"a","description":"a","dependencies":[]},
    {"id":"b","description":"b","dependencies":[]}]})";
  auto team = m.team;
  m.world = std::make_unique<run_driver>(
      [](context ctx, std::string input) {
        return run_task(std::move(ctx), std::move(input), {});
      },
      [team](auto& start) -> durable_run::effect_outcome {
        if (const auto* asked
            = dynamic_cast<const remote::LlmRequest*>(start.input.get());
            asked && asked->purpose() == "synthesize")
          return {fail(errc::denied, "the budget does not pay"), {}, {}, 0};
        return (*team)(start);
      });
  remote::TaskInput input;
  input.set_query("do it");
  input.set_budget_nanousd(1'000'000);
  m.world->begin(input.SerializeAsString());
  m.world->settle();
  CHECK(m.answer() == "by agent-a\n\nby agent-b");
}

TEST_CASE("clients are told once that little is left") {
  market m;
  m.team->least = 0.9;
  m.team->most = 0.9;
  m.team->plan_text = R"({"mode":"simple","subtasks":[]})";
  m.run(1'000'000'000);
  CHECK(m.answer() == "by agent-1");
  CHECK(m.warnings() == 1);
}

TEST_CASE("what a task may cost is fixed when it is accepted") {
  auto fixed = [](const std::string& context, std::uint32_t cents_max) {
    remote::TaskInput task;
    task.set_context_json(context);
    fix_budget(task, cents_max);
    return std::pair{task.budget_nanousd(), task.agent_tokens_max()};
  };
  using got = std::pair<std::int64_t, std::int64_t>;
  CHECK(fixed("", 0) == got{0, 0});
  CHECK(fixed("", 25) == got{250'000'000, 0});
  CHECK(fixed(R"({"budget_max":0.05})", 0) == got{50'000'000, 0});
  CHECK(fixed(R"({"budget_max":"0.05"})", 0) == got{50'000'000, 0});
  CHECK(fixed(R"({"budget_max":0.05})", 3) == got{30'000'000, 0});
  CHECK(fixed(R"({"budget_max":0.05})", 100) == got{50'000'000, 0});
  CHECK(fixed(R"({"token_budget_per_agent":5000})", 0) == got{0, 5'000});
  CHECK(fixed(R"({"budget_max":-1,"token_budget_per_agent":"x"})", 0)
        == got{0, 0});
  CHECK(fixed(R"({"budget_max":1e300})", 7) == got{70'000'000, 0});
}
