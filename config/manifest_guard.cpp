#include "config/manifest_guard.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace shannon::config {

namespace {

constexpr std::size_t bytes_max = 1024 * 1024;
constexpr int depth_max = 16;
/// An alias is expanded where it stands, so many of them multiply.
constexpr int aliases_max = 1'000;

/// Thrown to leave the parser; caught a few lines below.
struct too_much {
  YAML::Mark where;
  const char* what;
};

/// Counts without building anything.
class guard final : public YAML::EventHandler {
public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    if (++aliases_ > aliases_max)
      throw too_much{mark, "more than 1000 aliases"};
  }
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark& mark, const std::string&,
                       YAML::anchor_t, YAML::EmitterStyle::value) override {
    deeper(mark);
  }
  void OnSequenceEnd() override {
    --depth_;
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    deeper(mark);
  }
  void OnMapEnd() override {
    --depth_;
  }

private:
  void deeper(const YAML::Mark& mark) {
    if (++depth_ > depth_max)
      throw too_much{mark, "nested deeper than 16 levels"};
  }

  int depth_ = 0;
  int aliases_ = 0;
};

} // namespace

result<std::string> read_guarded(const std::string& file) {
  auto refuse = [&](const std::string& text) {
    return fail(errc::invalid_argument, file + text);
  };
  std::ifstream in{file, std::ios::binary};
  if (!in)
    return refuse(std::string{": cannot be read: "} + std::strerror(errno));
  std::string text(bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.gcount() == 0 && !in.eof()))
    return refuse(": cannot be read: is it a file?");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > bytes_max)
    return refuse(": larger than 1 MiB");
  try {
    std::istringstream stream{text};
    YAML::Parser parser{stream};
    guard counting;
    parser.HandleNextDocument(counting);
    if (parser.HandleNextDocument(counting))
      return refuse(": more than one document");
  } catch (const too_much& e) {
    return refuse(":" + std::to_string(e.where.line + 1) + ": " + e.what);
  } catch (const YAML::Exception& e) {
    return refuse(":" + std::to_string(e.mark.line + 1)
                  + ": not YAML: " + e.msg);
  }
  return text;
}

} // namespace shannon::config
