#include "actors/browser/page/input.hpp"
#include "actors/browser/page/locate.hpp"
#include "actors/kit/text.hpp"
#include "actors/kit/workspace/owned_fd.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t name_bytes_max = 120;

/// A name that means a file of ours wherever it is put.
std::string safe_name(std::string_view proposed) {
  if (auto slash = proposed.find_last_of("/\\"); slash != proposed.npos)
    proposed.remove_prefix(slash + 1);
  std::string out;
  for (char c : kit::utf8_prefix(proposed, name_bytes_max))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '_' : c;
  while (!out.empty() && (out.front() == '.' || out.front() == ' '))
    out.erase(0, 1);
  return out.empty() ? "download" : out;
}

/// Downloads of the context are taken while this lives, and refused otherwise.
class taking {
public:
  explicit taking(action_call& call) : call_(call) {
    call.in.current_download() = {};
    call.in.current_download().wanted = true;
    behave({{"behavior", "allowAndName"}, {"downloadPath", downloads_inside}});
  }
  ~taking() {
    auto& now = call_.in.current_download();
    if (!now.guid.empty()) {
      if (now.state != "completed")
        call_.in.browser().connection().send(
            "", "Browser.cancelDownload",
            {{"guid", now.guid}, {"browserContextId", call_.in.context()}});
      unlink(path().c_str());
    }
    now = {};
    behave({{"behavior", "deny"}});
    call_.in.paused = nullptr;
    if (fetching_)
      fetching_->send("Fetch.disable");
  }

  /// Whatever the address gives is to be a file, also what is a page.
  void make_files(const std::shared_ptr<tab>& page) {
    fetching_ = page;
    call_.in.paused = [this](tab& of, json& request) { paused(of, request); };
    json all = json::array(
        {{{"requestStage", "Response"}, {"resourceType", "Document"}}});
    page->send("Fetch.enable", {{"patterns", std::move(all)}});
  }

  int refused_with() const noexcept {
    return status_;
  }

  std::string path() const {
    return call_.in.browser().options().downloads + "/"
           + call_.in.current_download().guid;
  }

private:
  void behave(json how) {
    how["browserContextId"] = call_.in.context();
    call_.in.browser().connection().send("", "Browser.setDownloadBehavior",
                                         std::move(how));
  }

  void paused(tab& of, json& request) {
    auto status = request.value("responseStatusCode", 0);
    json answer{{"requestId", request["requestId"]}};
    bool redirect = status >= 300 && status < 400;
    if (request.contains("responseErrorReason") || redirect || status == 0) {
      of.send("Fetch.continueRequest", std::move(answer));
      return;
    }
    if (status >= 400) {
      status_ = status;
      answer["errorReason"] = "Aborted";
      of.send("Fetch.failRequest", std::move(answer));
      return;
    }
    json headers = json::array();
    std::string told;
    for (auto& one : request["responseHeaders"]) {
      auto name = one.value("name", std::string{});
      std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      });
      if (name == "content-disposition")
        told = one.value("value", std::string{});
      else
        headers.push_back(one);
    }
    if (auto rest = told.find(';'); rest != std::string::npos)
      told = "attachment" + told.substr(rest);
    else
      told = "attachment";
    headers.push_back({{"name", "Content-Disposition"}, {"value", told}});
    answer["responseCode"] = status;
    answer["responseHeaders"] = std::move(headers);
    of.send("Fetch.continueResponse", std::move(answer));
  }

  action_call& call_;
  std::shared_ptr<tab> fetching_;
  int status_ = 0;
};

std::string read_file(const std::string& path, std::size_t most) {
  kit::owned_fd file{
      open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)};
  struct stat about {};
  if (!file || fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode))
    throw action_failed{"the file was not kept; try again"};
  if (static_cast<std::size_t>(about.st_size) > most)
    throw action_failed{"the file has more than " + std::to_string(most)
                        + " bytes, which is the limit"};
  std::string out(static_cast<std::size_t>(about.st_size), '\0');
  std::size_t done = 0;
  while (done < out.size()) {
    auto got = read(file.get(), out.data() + done, out.size() - done);
    if (got <= 0)
      throw action_failed{"the file could not be read; try again"};
    done += static_cast<std::size_t>(got);
  }
  return out;
}

asio::awaitable<void> complete(action_call& call, taking& files) {
  auto& now = call.in.current_download();
  auto limit = call.in.options().download_bytes_max;
  while (now.state != "completed") {
    if (files.refused_with() > 0)
      throw action_failed{"the server answered "
                          + std::to_string(files.refused_with())
                          + " and no file"};
    if (now.received > limit)
      throw action_failed{"the file has more than " + std::to_string(limit)
                          + " bytes, which is the limit; it was given up"};
    if (now.state == "canceled")
      throw action_failed{"the file did not come: it is larger than "
                          + std::to_string(limit) + " bytes, or broke off"};
    auto until = now.guid.empty() ? call.patience : call.deadline;
    if (steady_clock::now() >= until)
      throw action_failed{now.guid.empty()
                              ? "no file came within "
                                    + std::to_string(call.patience_is.count())
                                    + " ms"
                              : "the file had not come whole in time ("
                                    + std::to_string(now.received)
                                    + " bytes did); it was given up"};
    co_await call.in.downloads_changed().wait(until);
  }
}

} // namespace

asio::awaitable<void> do_download(action_call& call) {
  auto page = call.in.current_tab();
  taking files{call};
  if (call.has("url")) {
    auto url = checked_url(call.text("url"));
    files.make_files(page);
    json to{{"url", url}};
    auto answer
        = co_await page->ask("Page.navigate", std::move(to), call.deadline);
    auto why = answer.value("errorText", std::string{});
    if (!answer.value("isDownload", false) && files.refused_with() == 0)
      throw action_failed{url + " gave no file"
                          + (why.empty() ? "" : " (" + why + ")")};
  } else if (call.has("selector")) {
    needs wanted{"visible", "stable", "enabled", "hit"};
    auto found
        = co_await locate(call, call.text("selector"), std::move(wanted));
    press_of_mouse how;
    how.x = found.x;
    how.y = found.y;
    co_await click_mouse(call, how);
  } else {
    throw action_failed{"download needs a url, or the selector of what to "
                        "click"};
  }
  co_await complete(call, files);
  auto name = safe_name(call.in.current_download().name);
  auto bytes = read_file(files.path(), call.in.options().download_bytes_max);
  call.out.output
      = "downloaded " + name + " (" + std::to_string(bytes.size()) + " bytes)";
  call.out.metadata["file"] = name;
  call.out.metadata["bytes"] = bytes.size();
  call.out.attachments.push_back(
      {std::move(name), "application/octet-stream", std::move(bytes)});
}

} // namespace shannon::browser
