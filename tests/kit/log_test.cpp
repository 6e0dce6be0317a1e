#include "actors/kit/log.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <limits>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

// Inside, since `log` outside is the logarithm.
namespace shannon::kit {

using log::level;

namespace {

// 2024-05-06T07:08:09.000123Z
constexpr std::int64_t moment = 1'714'979'289'000'123;

/// What is written to stderr while it lives goes to a file.
class captured_stderr {
public:
  captured_stderr() : file_(std::tmpfile()), before_(::dup(STDERR_FILENO)) {
    ::dup2(::fileno(file_), STDERR_FILENO);
  }
  ~captured_stderr() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
    std::fclose(file_);
  }
  std::vector<std::string> lines() {
    std::rewind(file_);
    std::vector<std::string> all;
    std::string line;
    for (int c = std::fgetc(file_); c != EOF; c = std::fgetc(file_)) {
      if (c == '\n')
        all.push_back(std::exchange(line, {}));
      else
        line += static_cast<char>(c);
    }
    if (!line.empty())
      all.push_back(line);
    return all;
  }

private:
  std::FILE* file_;
  int before_;
};

} // namespace

TEST_CASE("a line on a pipe is one JSON object with its fields") {
  auto line = log::to_json(
      level::info, "n1", "run-started", "AGENT starts run",
      {{"run", "r-1"}, {"tokens", 42}, {"share", 0.25}, {"cached", false}},
      moment);
  CHECK(line
        == R"({"ts":"2024-05-06T07:08:09.000123Z","level":"info",)"
           R"("node":"n1","event":"run-started","msg":"AGENT starts run",)"
           R"("run":"r-1","tokens":42,"share":0.25,"cached":false})");
}

TEST_CASE("any bytes make a line of valid JSON") {
  auto text = std::string{"quote \" slash \\ line\n tab\t nul "} + '\0'
              + " bell \a del \x7f bad \xff\xc0\x80 cut \xe2\x82 euro "
                "\xe2\x82\xac surrogate \xed\xa0\x80 far \xf4\x90\x80\x80";
  auto line = log::to_json(level::error, "n", "e", text, {{"key \"\n", text}},
                           moment);
  CHECK(line.find('\n') == std::string::npos);
  auto parsed = nlohmann::json::parse(line);
  auto msg = parsed["msg"].get<std::string>();
  CHECK(msg.find("euro \xe2\x82\xac") != std::string::npos);
  CHECK(msg.find("bad \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD cut")
        != std::string::npos);
  CHECK(msg.find("surrogate \xEF\xBF\xBD") != std::string::npos);
  CHECK(msg.find("far \xEF\xBF\xBD") != std::string::npos);
  CHECK(msg.find(std::string{"nul "} + '\0') != std::string::npos);
}

TEST_CASE("a number that is none is null") {
  auto line
      = log::to_json(level::info, "n", "e", "m",
                     {{"x", std::numeric_limits<double>::quiet_NaN()}}, moment);
  CHECK(nlohmann::json::parse(line)["x"].is_null());
}

TEST_CASE("a long text is cut") {
  auto line = log::to_json(level::info, "n", "e", std::string(100'000, 'x'), {},
                           moment);
  CHECK(line.size() < 5'000);
  CHECK(nlohmann::json::parse(line)["msg"].get<std::string>().ends_with("…"));
}

TEST_CASE("a line on a terminal reads as columns") {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  CHECK(log::to_text(level::info, "run-started", "AGENT starts run",
                     {{"run", "r-1"}, {"n", 2}}, moment)
        == "07:08:09.000 info  run-started  AGENT starts run  run=r-1 n=2");
  CHECK(
      log::to_text(level::warning, "e", "m", {{"why", "no such file"}}, moment)
      == R"(07:08:09.000 warn  e  m  why="no such file")");
}

TEST_CASE("a text cannot steer the terminal") {
  auto line = log::to_text(level::info, "e", "red \x1b[31m\r\n bell\xc2\x9b",
                           {{"k", "\x1b]0;title\a"}}, moment);
  CHECK(line.find_first_of("\x1b\r\n\a") == std::string::npos);
  CHECK(line.find("\xc2\x9b") == std::string::npos);
}

TEST_CASE("before it is opened the log writes warnings and errors only") {
  captured_stderr err;
  log::info("quiet", "nobody hears this");
  log::warning("loud", "somebody hears this", {{"n", 1}});
  auto lines = err.lines();
  REQUIRE(lines.size() == 1);
  auto line = nlohmann::json::parse(lines[0]);
  CHECK(line["event"] == "loud");
  CHECK(line["n"] == 1);
}

TEST_CASE("an open log writes each line of many threads whole") {
  captured_stderr err;
  log::open("n1", level::info);
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t)
    writers.emplace_back([t] {
      for (int i = 0; i < 500; ++i)
        log::info("tick", "thread writes", {{"thread", t}, {"i", i}});
    });
  for (auto& t : writers)
    t.join();
  log::debug("hidden", "below the level");
  log::close();
  auto lines = err.lines();
  REQUIRE(lines.size() == 2'000);
  std::array<int, 4> next{};
  for (const auto& text : lines) {
    auto line = nlohmann::json::parse(text);
    CHECK(line["node"] == "n1");
    // Lines of one thread keep their order.
    CHECK(line["i"] == next.at(line["thread"].get<std::size_t>())++);
  }
}

TEST_CASE("a reader that stalls costs the oldest lines, and the log says so") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  auto before = ::dup(STDERR_FILENO);
  ::dup2(ends[1], STDERR_FILENO);
  log::open("n1", level::info);
  constexpr int written = 20'000; // More than pipe and queue hold together.
  for (int i = 0; i < written; ++i)
    log::info("tick", "a line of a hundred bytes or so to fill the pipe",
              {{"i", i}});
  // Now somebody reads.
  std::string all;
  std::thread reader{[&] {
    std::array<char, 65'536> buffer;
    for (ssize_t n; (n = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
      all.append(buffer.data(), static_cast<std::size_t>(n));
  }};
  log::close();
  ::dup2(before, STDERR_FILENO);
  ::close(before);
  ::close(ends[1]);
  reader.join();
  ::close(ends[0]);

  std::int64_t lost = 0;
  int seen = 0;
  int last = -1;
  std::size_t at = 0;
  for (auto end = all.find('\n'); end != std::string::npos;
       at = end + 1, end = all.find('\n', at)) {
    auto line = nlohmann::json::parse(all.substr(at, end - at));
    if (line["event"] == "log-overrun") {
      lost = line["lost_total"];
    } else {
      ++seen;
      last = line["i"];
    }
  }
  CHECK(last == written - 1);
  CHECK(lost > 0);
  // A report on the way may have been lost itself, and is counted too.
  CHECK(seen + lost >= written);
  CHECK(seen + lost <= written + 5);
}

} // namespace shannon::kit
