// The embedded default, by table: what it does with which words.

#include "actors/llm/local/local_model.hpp"
#include "tests/llm/local_agent.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace shannon;
using namespace shannon::test;
using nlohmann::json;

namespace {

struct row {
  std::string task;
  /// The calls in order: `tool subject`; a part of the arguments is enough.
  std::vector<std::string> calls;
};

std::vector<std::string> made(const local_agent& agent) {
  std::vector<std::string> out;
  for (const auto& call : agent.calls)
    out.push_back(call.name() + " " + call.arguments_json());
  return out;
}

void check(const row& expected) {
  local_agent agent{expected.task};
  agent.run();
  INFO(expected.task);
  auto got = made(agent);
  for (const auto& one : got)
    INFO(one);
  REQUIRE(got.size() == expected.calls.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    auto space = expected.calls[i].find(' ');
    INFO(got[i]);
    CHECK(got[i].substr(0, space + 1)
          == expected.calls[i].substr(0, space + 1));
    CHECK(got[i].find(expected.calls[i].substr(space + 1)) != got[i].npos);
  }
}

json plan(const std::string& query) {
  remote::LlmRequest request;
  request.set_purpose("plan");
  add(request, remote::ChatMessage::SYSTEM, "You plan.");
  add(request, remote::ChatMessage::USER, query);
  return json::parse(llm::local_answer(request).message().text());
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

} // namespace

// -- tools --------------------------------------------------------------------

TEST_CASE("the demo task uses three tools and ends in a good answer") {
  local_agent agent{
      "Compute 17 * 23 + 144 / 12 and 2 to the power 32, use Python to list "
      "the primes below 50, and save a short summary to report.txt"};
  agent.results = {{"report.txt", "Wrote 127 bytes to report.txt"},
                   {"17 * 23 + 144 / 12", "403"},
                   {"2 ^ 32", "4294967296"},
                   {"primes(50)", "2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, "
                                  "41, 43, 47\n"}};
  agent.run();
  CHECK(agent.turns == 3);
  REQUIRE(agent.calls.size() == 4);
  CHECK(agent.calls[0].arguments_json()
        == R"({"expression":"17 * 23 + 144 / 12"})");
  CHECK(agent.calls[1].arguments_json() == R"({"expression":"2 ^ 32"})");
  CHECK(agent.calls[2].name() == "python_executor");
  CHECK(agent.calls[3].name() == "file_write");
  auto wrote = json::parse(agent.calls[3].arguments_json());
  CHECK(wrote["path"] == "report.txt");
  CHECK(wrote["content"]
        == "Summary\n\n17 * 23 + 144 / 12 = 403\n2 ^ 32 = 4294967296\n"
           "The primes below 50 are 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, "
           "37, 41, 43, 47.\n");
  CHECK(agent.answer
        == "Here is what I found:\n\n- 17 * 23 + 144 / 12 = 403\n"
           "- 2 ^ 32 = 4294967296\n- The primes below 50 are 2, 3, 5, 7, 11, "
           "13, 17, 19, 23, 29, 31, 37, 41, 43, 47.\n\n"
           "I saved a summary of this to report.txt (127 bytes).");
}

TEST_CASE("words of arithmetic become expressions of the calculator") {
  for (const auto& one : std::vector<row>{
           {"compute 17*23", {"calculator \"17 * 23\""}},
           {"What is 2 + 2?", {"calculator \"2 + 2\""}},
           {"Please calculate: (3+4)*5 - 2^3",
            {"calculator \"(3 + 4) * 5 - 2 ^ 3\""}},
           {"what's 15% of 240?", {"calculator \"15 / 100 * 240\""}},
           {"15 percent of 1,250.50", {"calculator \"15 / 100 * 1250.50\""}},
           {"20% tip on $84.50", {"calculator \"20 / 100 * 84.50\""}},
           {"30% off 200", {"calculator \"200 * (1 - 30 / 100)\""}},
           {"Increase 200 by 15%", {"calculator \"200 * (1 + 15 / 100)\""}},
           {"two to the power of ten", {"calculator \"2 ^ 10\""}},
           {"2 to the 10th power", {"calculator \"2 ^ 10\""}},
           {"raise 3 to the power 4", {"calculator \"3 ^ 4\""}},
           {"square root of 1764", {"calculator \"sqrt(1764)\""}},
           {"sqrt(2) * 10", {"calculator \"sqrt(2) * 10\""}},
           {"the cube root of 27 plus 3 squared",
            {"calculator \"(27) ^ (1 / 3) + 3^2\""}},
           {"divide 100 by 8", {"calculator \"100 / 8\""}},
           {"subtract 7 from 20", {"calculator \"20 - 7\""}},
           {"6 × 7 ÷ 2", {"calculator \"6 * 7 / 2\""}},
           {"What's the factorial of 20?", {"calculator \"factorial(20)\""}},
           {"sum of 3, 4 and 5", {"calculator \"3 + 4 + 5\""}},
           {"average of 4, 8 and 15", {"calculator \"(4 + 8 + 15) / 3\""}},
           {"10 mod 3", {"calculator \"10 % 3\""}},
           {"Convert 100 fahrenheit to celsius",
            {"calculator \"(100 - 32) * 5 / 9\""}},
           {"How many km are 26.2 miles in km?",
            {"calculator \"26.2 * 1.609344\""}},
           {"What is 12 times four, and what is 17-4?",
            {"calculator \"12 * 4\"", "calculator \"17 - 4\""}},
           {"Compute 12 * 12, then multiply the result by 3",
            {"calculator \"12 * 12\"", "calculator \"144 * 3\""}},
           {"add 5 and 7. Then double it",
            {"calculator \"5 + 7\"", "calculator \"2 * 144\""}},
       })
    check(one);
}

TEST_CASE("what only looks like arithmetic is left alone") {
  for (const auto* task :
       {"We met on 2024-01-15.", "Read pages 3-5 of the book",
        "Python 3.11.2 has 24/7 support", "Wow! 5 apples", "version 1.2.3",
        "one of the best ways to do it", "the total of it is that",
        "multiply it by 3", "primes below 99999999999",
        "the 1000000th fibonacci number", "What is the difference between TCP and UDP?"})
    check({task, {}});
}

TEST_CASE("tasks for programs, pages and files find their tools") {
  for (const auto& one : std::vector<row>{
           {"use python to compute 2**100",
            {"python_executor print(2 ** 100)"}},
           {"Run this python: print(sum(range(10)))",
            {"python_executor \"print(sum(range(10)))\\n\""}},
           {"execute ```python\nx = 1\nprint(x)\n```",
            {"python_executor \"x = 1\\nprint(x)\\n\""}},
           {"list primes up to 50", {"python_executor primes(50 + 1)"}},
           {"sort 5, 3, 9, 1", {"python_executor sorted([5, 3, 9, 1])"}},
           {"mean, median and mode of 1, 2, 2, 3",
            {"python_executor statistics.median(data)"}},
           {"Sum of the first 100 integers",
            {"python_executor range(1, 100 + 1)"}},
           {"first 10 fibonacci numbers", {"python_executor fibonacci(10)"}},
           {"Fetch https://example.com/a?b=1.",
            {"web_fetch \"https://example.com/a?b=1\""}},
           {"Summarize the page at example.org",
            {"web_fetch \"https://example.org\""}},
           {"read notes.txt", {"file_read \"notes.txt\""}},
           {"What does docs/report.md say?", {"file_read \"docs/report.md\""}},
           {"Show me the contents of 'data.csv'", {"file_read \"data.csv\""}},
           {"write \"hello world\" to hello.txt",
            {"file_write \"hello world\\n\""}},
           {"Create a file notes.md with the text \"Buy milk\"",
            {"file_write \"Buy milk\\n\""}},
           {"Append \"second\" to log.txt", {"file_write \"append\":true"}},
           {"Write hello world to x.txt", {"file_write \"hello world\\n\""}},
           {"save the primes below 30 to primes.txt",
            {"python_executor primes(30)", "file_write \"primes.txt\""}},
           {"write \"a\" to a.txt and then read it back",
            {"file_write \"a.txt\"", "file_read \"a.txt\""}},
           {"Read notes.txt and count the words",
            {"file_read \"notes.txt\"", "python_executor len(text.split())"}},
           {"Get https://x.org/n.csv, add up the numbers and save the result "
            "to sum.json",
            {"web_fetch \"https://x.org/n.csv\"",
             "python_executor sum(numbers)", "file_write \\\"results\\\""}},
           {"Calculate 25 * 4, fetch https://example.com and write both to "
            "out.csv",
            {"calculator \"25 * 4\"", "web_fetch \"https://example.com\"",
             "file_write what,value"}},
       })
    check(one);
}

TEST_CASE("every program that the rules write runs and prints its answer") {
  struct program {
    const char* task;
    const char* printed;
  };
  const std::vector<program> table{
      {"primes below 20", "2, 3, 5, 7, 11, 13, 17, 19\n"},
      {"primes between 10 and 20", "11, 13, 17, 19\n"},
      {"the first 5 primes", "2, 3, 5, 7, 11\n"},
      {"sum of all primes below 10", "17\n"},
      {"how many primes are there below 100", "25\n"},
      {"is 97 a prime number?", "a prime\n"},
      {"is 91 prime?", "no prime\n"},
      {"prime factors of 360", "2 * 2 * 2 * 3 * 3 * 5\n"},
      {"first 7 fibonacci numbers", "0, 1, 1, 2, 3, 5, 8\n"},
      {"the 10th fibonacci number", "55\n"},
      {"fibonacci numbers below 20", "0, 1, 1, 2, 3, 5, 8, 13\n"},
      {"sum of the first 100 integers", "5050\n"},
      {"sum of the first 5 odd numbers", "25\n"},
      {"sum of the even numbers from 1 to 10", "30\n"},
      {"sum of squares from 1 to 10", "385\n"},
      {"sum of all odd numbers below 10", "25\n"},
      {"squares of the numbers from 1 to 5", "1, 4, 9, 16, 25\n"},
      {"even numbers between 10 and 15", "10, 12, 14\n"},
      {"average of the numbers from 1 to 10", "5.5\n"},
      {"write the numbers 1 to 4", "1, 2, 3, 4\n"},
      {"sort 5, 3, 9, 1 in descending order", "9, 5, 3, 1\n"},
      {"median of 5, 1, 3", "median: 3\n"},
      {"min and max of 4, 9, -2", "minimum: -2\nmaximum: 9\n"},
      {"gcd of 48 and 36", "12\n"},
      {"least common multiple of 4 and 6", "12\n"},
      {"divisors of 12", "1, 2, 3, 4, 6, 12\n"},
      {"255 in binary", "11111111\n"},
      {"convert 255 to binary and hex", "binary: 11111111\nhex: ff\n"},
      {"days between 2024-01-01 and 2024-12-25", "359\n"},
      {"what day of the week was 2024-02-29", "Thursday\n"},
      {"reverse the string \"Hello\"", "olleH\n"},
      {"how many words are in \"the quick brown fox\"?", "4\n"},
      {"how many vowels are in \"It's\"?", nullptr},
      {"is \"racecar\" a palindrome?", "a palindrome\n"},
      {"multiplication table of 7", nullptr},
      {"use python to compute 2 ^ 10 + sqrt(16)", "1028.0\n"},
  };
  std::vector<std::string> codes;
  for (const auto& one : table) {
    local_agent agent{one.task};
    agent.run();
    INFO(one.task);
    REQUIRE(agent.calls.size() == 1);
    REQUIRE(agent.calls[0].name() == "python_executor");
    codes.push_back(json::parse(agent.calls[0].arguments_json())["code"]);
  }
  auto printed = run_programs(codes);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    INFO(table[i].task << "\n" << codes[i]);
    REQUIRE(printed[i]);
    if (table[i].printed)
      CHECK(*printed[i] == table[i].printed);
  }
}

TEST_CASE("programs about a text work with any text") {
  local_agent agent{"read x.txt, count the words and sum the numbers"};
  agent.results = {{"x.txt", "it's \"12\" and\n\\n 3.5 \x01 or -2 \xC3\xA9"}};
  agent.run();
  REQUIRE(agent.calls.size() == 3);
  std::vector<std::string> codes;
  for (std::size_t i : {1, 2})
    codes.push_back(json::parse(agent.calls[i].arguments_json())["code"]);
  auto printed = run_programs(codes);
  CHECK(printed[0] == "9\n");
  CHECK(printed[1] == "13.5\n");
}

// -- answers ------------------------------------------------------------------

TEST_CASE("a failed tool is told, and the rest is answered") {
  local_agent agent{"Compute 6*7, fetch https://example.com and save it to "
                    "a.txt"};
  agent.results = {{"a.txt", "Wrote 20 bytes to a.txt"}, {"6 * 7", "42"}};
  agent.errors = {{"example.com", "Error: the name is not known"}};
  agent.run();
  CHECK(agent.answer
        == "6 * 7 = 42.\n\nI saved a summary of this to a.txt (20 bytes).\n\n"
           "I could not read https://example.com: the name is not known.");
}

TEST_CASE("pages and files are quoted") {
  local_agent agent{"fetch https://example.com"};
  agent.results = {{"example.com", "Title: Example\nURL: https://example.com\n"
                                   "\nThis is an example.\nMore."}};
  agent.run();
  CHECK(agent.answer
        == "https://example.com says:\n  > This is an example.\n  > More.");
}

TEST_CASE("long results are cut at a sentence") {
  local_agent agent{"fetch https://example.com"};
  std::string page;
  for (int i = 0; i < 200; ++i)
    page += "Sentence number " + std::to_string(i) + ". ";
  agent.results = {{"example.com", page}};
  agent.run();
  CHECK(agent.answer.size() < 800);
  CHECK(agent.answer.substr(agent.answer.size() - 5) == ". …");
}

TEST_CASE("what needs knowledge is refused honestly") {
  for (const auto* task : {"Why is the sky blue?", "Hello!",
                           "Translate \"good morning\" into French",
                           "Write a poem to poem.txt", "", "]]]{{{"}) {
    local_agent agent{task};
    agent.run();
    INFO(task);
    CHECK(agent.calls.empty());
    CHECK(has(agent.answer, "local-rules-1"));
    CHECK(has(agent.answer, "OPENAI_API_KEY"));
  }
}

TEST_CASE("what no rule understands is named beside what was found") {
  local_agent agent{"What is the capital of France and what is 2 + 2?"};
  agent.run();
  CHECK(agent.calls.size() == 1);
  CHECK(has(agent.answer, "2 + 2 = 144"));
  CHECK(has(agent.answer,
            "I cannot answer “What is the capital of France”. I am "
            "local-rules-1"));
}

TEST_CASE("a tool that is not offered is said to be missing") {
  local_agent agent{"compute 2 + 3"};
  agent.tools = {"file_read"};
  agent.run();
  CHECK(agent.calls.empty());
  CHECK(has(agent.answer, "the tool calculator is not available"));
}

TEST_CASE("results of earlier agents are what \"it\" means") {
  local_agent agent{"Multiply the result by 2\n\nThis is part of a larger "
                    "task: Compute 6*7; then multiply the result by 2\n\n"
                    "Result of agent-s1:\n6 * 7 = 42."};
  agent.run();
  REQUIRE(agent.calls.size() == 1);
  CHECK(agent.calls[0].arguments_json() == R"({"expression":"42 * 2"})");
  local_agent saver{"Save it to a.txt\n\nResult of agent-s1:\n6 * 7 = 42."};
  saver.run();
  REQUIRE(saver.calls.size() == 1);
  CHECK(json::parse(saver.calls[0].arguments_json())["content"]
        == "Summary\n\n6 * 7 = 42.\n");
  local_agent teller{"Summarize the results\n\nResult of agent-s1:\nA.\n\n"
                     "Result of agent-s2:\nB."};
  teller.run();
  CHECK(teller.calls.empty());
  CHECK(teller.answer == "A.\n\nB.");
}

TEST_CASE("the same request always gets the same answer") {
  for (const auto* task : {"compute 2+2 and save it to a.txt", "Hello"}) {
    local_agent one{task};
    local_agent two{task};
    one.run();
    two.run();
    CHECK(one.answer == two.answer);
    CHECK(made(one) == made(two));
  }
}

TEST_CASE("any bytes are answered, and soon") {
  std::string noise;
  for (int i = 0; i < 60'000; ++i)
    noise
        += "1+*()\"'`.,;x \n2%^[[then and it save to a.txt ]]"[(i * 7919) % 45];
  for (const auto& task :
       {noise, std::string(50'000, '('), std::string(50'000, '9'),
        std::string(50'000, '"'), std::string(2'000, '-') + "1",
        "fetch https://" + std::string(20'000, 'a')}) {
    local_agent agent{task};
    agent.run();
    CHECK((!agent.answer.empty() || !agent.calls.empty()));
    CHECK(plan(task)["subtasks"].size() >= 1);
  }
}

// -- plans --------------------------------------------------------------------

TEST_CASE("a plan has one part unless the query clearly has several") {
  struct expectation {
    std::string query;
    std::vector<std::string> parts;
    std::vector<std::vector<std::string>> needs;
  };
  using none = std::vector<std::string>;
  for (const auto& one : std::vector<expectation>{
           {"Compute 2+2, list the primes below 9, and save it to a.txt",
            {"Compute 2+2, list the primes below 9, and save it to a.txt"},
            {none{}}},
           {"Why is the sky blue?", {"Why is the sky blue?"}, {none{}}},
           {"Compute 6*7; then multiply the result by 2",
            {"Compute 6*7", "Multiply the result by 2"},
            {none{}, {"s1"}}},
           {"Do this: 1) compute 2+2 2) compute 3*3 3) summarize the results",
            {"Compute 2+2", "Compute 3*3", "Summarize the results"},
            {none{}, none{}, {"s1", "s2"}}},
           {"- read a.txt\n- read b.txt\n",
            {"Read a.txt", "Read b.txt"},
            {none{}, none{}}},
           {"Fetch https://example.com and also compute 5!",
            {"Fetch https://example.com", "Compute 5!"},
            {none{}, none{}}},
           {"Compute 2+2. Then save it to a.txt.",
            {"Compute 2+2", "Save it to a.txt."},
            {none{}, {"s1"}}},
           {"Write \"one; two; three\" to a.txt",
            {"Write \"one; two; three\" to a.txt"},
            {none{}}},
       }) {
    auto got = plan(one.query);
    INFO(got.dump());
    REQUIRE(got["subtasks"].size() == one.parts.size());
    CHECK(got["mode"] == (one.parts.size() == 1 ? "simple" : "standard"));
    for (std::size_t i = 0; i < one.parts.size(); ++i) {
      const auto& part = got["subtasks"][i];
      CHECK(part["id"] == "s" + std::to_string(i + 1));
      CHECK(part["description"] == one.parts[i]);
      CHECK(part["dependencies"] == json(one.needs[i]));
      CHECK(part["suggested_tools"].is_array());
    }
  }
  auto demo = plan("Compute 17 * 23, use Python to list the primes below 50, "
                   "and save a short summary to report.txt");
  CHECK(demo["subtasks"][0]["suggested_tools"]
        == json{"calculator", "python_executor", "file_write"});
}

// -- synthesis ----------------------------------------------------------------

TEST_CASE("reports are joined, failures are told, agents are not named") {
  remote::LlmRequest request;
  request.set_purpose("synthesize");
  add(request, remote::ChatMessage::USER,
      "Task: x\n\n## Report of agent-s1\n6 * 7 = 42.\n\n## Report of agent-s2\n"
      "Failed: no network\n\n## Report of agent-s3\n6 * 7 = 42.\n");
  CHECK(llm::local_answer(request).message().text()
        == "6 * 7 = 42.\n\nA part of the task was not done: no network");
}

TEST_CASE("tokens are estimates, the cost is nothing") {
  remote::LlmRequest request;
  add(request, remote::ChatMessage::USER, "Why is the sky blue?");
  auto got = llm::local_answer(request);
  CHECK(got.model() == "local-rules-1");
  CHECK(got.provider() == "local");
  CHECK(got.finish_reason() == "stop");
  CHECK(got.usage().input_tokens() == 5);
  CHECK(got.usage().output_tokens()
        == static_cast<std::int64_t>((got.message().text().size() + 3) / 4));
  CHECK(got.usage().cost_nanousd() == 0);
}
