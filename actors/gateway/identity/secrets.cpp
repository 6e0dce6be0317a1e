#include "actors/gateway/identity/secrets.hpp"

#include "actors/gateway/identity/access_token.hpp"
#include "actors/gateway/identity/digest.hpp"
#include "actors/kit/bytes_text.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace shannon::gateway {

namespace {

constexpr std::size_t file_bytes_max = 64 * 1024;
constexpr std::size_t name_max = 64;
constexpr std::size_t secret_bytes_max = 512;

tl::unexpected<error> refuse(std::size_t line, const char* expected) {
  return fail(errc::invalid_argument,
              "line " + std::to_string(line) + ": expected " + expected);
}

tl::unexpected<error> refuse(const std::string& path, const std::string& why) {
  return fail(errc::failed, "secrets file " + path + ": " + why);
}

std::string reason() {
  return std::system_category().message(errno);
}

/// Blank-separated words of a line.
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  while (true) {
    auto from = line.find_first_not_of(" \t\r");
    if (from == std::string_view::npos)
      return out;
    auto to = std::min(line.find_first_of(" \t\r", from), line.size());
    out.push_back(line.substr(from, to - from));
    line.remove_prefix(to);
  }
}

bool is_name(std::string_view text) {
  return text.size() <= name_max
         && std::all_of(text.begin(), text.end(), [](unsigned char c) {
              return std::isalnum(c) || c == '-' || c == '_' || c == '.';
            });
}

class descriptor {
public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const noexcept {
    return fd_;
  }

private:
  int fd_;
};

} // namespace

result<identity_secrets> parse_secrets(std::string_view text) {
  identity_secrets out;
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto end = std::min(text.find('\n'), text.size());
    auto words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.empty() || words[0].starts_with('#'))
      continue;
    if (words[0] == "google-client-secret") {
      if (words.size() != 2 || words[1].size() > secret_bytes_max
          || !out.google_client_secret.empty())
        return refuse(number, "one google-client-secret, of one word");
      out.google_client_secret = words[1];
      continue;
    }
    auto key = kit::from_hex(words.back()).value_or("");
    if (key.size() < token_key_bytes_min)
      return refuse(number, "at least 64 hex digits at the end");
    if (words[0] == "pepper" && words.size() == 2) {
      if (!out.pepper.empty())
        return refuse(number, "one pepper");
      out.pepper = std::move(key);
    } else if (words[0] == "token-key" && words.size() == 3) {
      auto taken = [&](auto& one) { return one.first == words[1]; };
      if (!is_name(words[1])
          || std::any_of(out.token_keys.begin(), out.token_keys.end(), taken))
        return refuse(number, "a name of its own for each token-key");
      out.token_keys.emplace_back(words[1], std::move(key));
    } else {
      return refuse(number, "\"pepper HEX\", \"token-key NAME HEX\" or "
                            "\"google-client-secret TEXT\"");
    }
  }
  if (out.pepper.empty() || out.token_keys.empty())
    return fail(errc::invalid_argument, "expected a pepper and a token-key");
  return out;
}

std::string fresh_secrets() {
  return "# Whoever reads this can make keys and tokens. If it is lost, every\n"
         "# API key is. See docs/operations.md, \"Keys\".\n"
         "pepper "
         + kit::to_hex(random_bytes(32)) + "\ntoken-key k"
         + kit::to_hex(random_bytes(4)) + " " + kit::to_hex(random_bytes(32))
         + "\n";
}

result<identity_secrets> read_secrets(const std::string& path) {
  descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.get() < 0)
    return refuse(path, reason());
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode))
    return refuse(path, "expected a regular file");
  if ((facts.st_mode & (S_IRWXO | S_IWGRP)) != 0)
    return refuse(path, "others may read or change it: chmod 600");
  std::string text(file_bytes_max + 1, '\0');
  std::size_t size = 0;
  for (ssize_t got = 1; got > 0 && size < text.size();) {
    got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0)
      return refuse(path, reason());
    size += static_cast<std::size_t>(got);
  }
  if (size > file_bytes_max)
    return refuse(path, "longer than 64 KiB");
  auto out = parse_secrets(std::string_view{text}.substr(0, size));
  wipe(text);
  if (!out)
    return refuse(path, out.error().text);
  return out;
}

result<void> make_secrets(const std::string& path) {
  if (::access(path.c_str(), F_OK) == 0)
    return {};
  // Whole or not at all: written beside it, then put in its place if that is
  // still free.
  auto draft = path + "." + kit::to_hex(random_bytes(8));
  descriptor file{::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                         S_IRUSR | S_IWUSR)};
  if (file.get() < 0)
    return refuse(draft, reason());
  auto text = fresh_secrets();
  auto written = ::write(file.get(), text.data(), text.size());
  auto whole = written == static_cast<ssize_t>(text.size())
               && ::fsync(file.get()) == 0;
  auto placed = whole && ::link(draft.c_str(), path.c_str()) == 0;
  auto code = errno;
  ::unlink(draft.c_str());
  wipe(text);
  if (!placed && !(whole && code == EEXIST))
    return refuse(path, std::system_category().message(code));
  return {};
}

} // namespace shannon::gateway
