#include "actors/gateway/resources/file_handlers.hpp"

#include "actors/gateway/resources/file_json.hpp"
#include "actors/gateway/text/query_string.hpp"
#include "actors/kit/worker_pool.hpp"
#include "actors/kit/workspace/workspace.hpp"
#include "protocols/sessions.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace shannon::gateway {

namespace {

constexpr std::size_t disk_threads = 2;
constexpr std::size_t waiting_max = 256;

/// Where somebody's files are. Copied into jobs for the disk's threads.
struct file_top {
  std::string root;
  kit::owner_path owner;
};

struct look_limits {
  std::uint64_t file_bytes_max;
  std::uint32_t shown_max;
};

kit::workspace_limits limits_of(const look_limits& limits) {
  kit::workspace_limits out;
  out.file_bytes_max = limits.file_bytes_max;
  // One more: so it is seen that there are more.
  out.entries_max = limits.shown_max + 1;
  return out;
}

http_response look_at_folder(const file_top& top, const kit::path_parts& path,
                             const look_limits& limits) {
  auto found = kit::workspace::find(top.root, top.owner, limits_of(limits));
  if (!found && found.error().code == errc::not_found)
    return folder_answer(path, {}, limits.shown_max);
  if (!found)
    return error_answer(500, "internal error");
  auto about = found->about(path);
  if (!about && about.error().code == errc::not_found)
    return folder_answer(path, {}, limits.shown_max);
  if (!about)
    return no_file_answer(about.error());
  if (!about->is_folder)
    return file_refusal(400, "path is not a directory");
  auto entries = found->list(path);
  return entries ? folder_answer(path, *entries, limits.shown_max)
                 : no_file_answer(entries.error());
}

http_response look_at_file(const file_top& top, const kit::path_parts& path,
                           const look_limits& limits) {
  auto found = kit::workspace::find(top.root, top.owner, limits_of(limits));
  if (!found)
    return found.error().code == errc::not_found
               ? no_file_answer(found.error())
               : error_answer(500, "internal error");
  auto about = found->about(path);
  if (!about)
    return no_file_answer(about.error());
  if (about->is_folder)
    return file_refusal(400, "path is a directory");
  if (about->bytes > limits.file_bytes_max)
    return file_refusal(
        413, "the file has " + std::to_string(about->bytes) + " bytes; at most "
                 + std::to_string(limits.file_bytes_max) + " are shown");
  auto bytes = found->read(path);
  return bytes ? file_answer(path, *bytes) : no_file_answer(bytes.error());
}

class file_handlers {
public:
  file_handlers(desk& gateway, const config::tool_settings& settings)
      : gateway_(gateway), workspaces_(settings.workspace_dir),
        memory_(settings.memory_dir), limits_{settings.file_bytes_max,
                                              settings.listed_files_max},
        disk_("files", disk_threads, waiting_max) {}

  void list_of_session(const call_ptr& request) {
    with_folder(request, [this, request](const kit::path_parts& path) {
      with_session(request, [this, request, path](file_top top) {
        look(request, look_at_folder, std::move(top), path);
      });
    });
  }

  void read_of_session(const call_ptr& request) {
    with_file(request, [this, request](const kit::path_parts& path) {
      with_session(request, [this, request, path](file_top top) {
        look(request, look_at_file, std::move(top), path);
      });
    });
  }

  void list_of_user(const call_ptr& request) {
    with_folder(request, [this, request](const kit::path_parts& path) {
      look(request, look_at_folder, memory_of(request), path);
    });
  }

  void read_of_user(const call_ptr& request) {
    with_file(request, [this, request](const kit::path_parts& path) {
      look(request, look_at_file, memory_of(request), path);
    });
  }

private:
  using looker = http_response (*)(const file_top&, const kit::path_parts&,
                                   const look_limits&);

  template <class F>
  static void with_folder(const call_ptr& request, F then) {
    auto query = query_string::parse(request->request().query);
    if (!query)
      return request->answer(query.error());
    auto path = read_folder_path(query->get("path"));
    path ? then(*path) : request->answer(std::move(path.error()));
  }

  template <class F>
  static void with_file(const call_ptr& request, F then) {
    auto path = read_file_path(request->rest());
    path ? then(*path) : request->answer(std::move(path.error()));
  }

  template <class F>
  void with_session(const call_ptr& request, F then) {
    const auto& who = request->who();
    gateway_.ask<sessions::session>(
        {"records"}, sessions::find{who.tenant, who.user, request->id()},
        gateway_.settings().ask_timeout,
        [this, request, who,
         then = std::move(then)](const result<sessions::session>& got) {
          if (got)
            return then({workspaces_,
                         {who.tenant.value, who.user.value, got->name.value}});
          got.error().code == errc::not_found
              ? request->answer(error_answer(404, "session not found"))
              : request->answer(got.error());
        });
  }

  file_top memory_of(const call_ptr& request) const {
    const auto& who = request->who();
    return {memory_, {who.tenant.value, who.user.value}};
  }

  /// The request stays on this side: a thread may hang on its disk for longer
  /// than the GATEWAY, and must hold nothing of it.
  void look(const call_ptr& request, looker how, file_top top,
            const kit::path_parts& path) {
    auto number = ++last_;
    auto done = [post = gateway_.poster(), this, number](http_response answer) {
      post([this, number, answer = std::move(answer)]() mutable {
        auto waiting = waiting_.extract(number);
        waiting.mapped()->answer(std::move(answer));
      });
    };
    if (!disk_.post([how, top = std::move(top), path, limits = limits_,
                     done = std::move(done)] { done(how(top, path, limits)); }))
      return request->answer(error{errc::overloaded,
                                   "too many files are being read", true,
                                   std::chrono::seconds{1}});
    waiting_.emplace(number, request);
  }

  desk& gateway_;
  const std::string workspaces_;
  const std::string memory_;
  const look_limits limits_;
  std::map<std::uint64_t, call_ptr> waiting_;
  std::uint64_t last_ = 0;
  kit::worker_pool disk_;
};

} // namespace

void add_file_handlers(handler_table& table, desk& gateway,
                       const config::tool_settings& settings) {
  using enum endpoint;
  auto files = std::make_shared<file_handlers>(gateway, settings);
  table.set(list_session_files,
            [files](auto& call) { files->list_of_session(call); });
  table.set(get_session_file,
            [files](auto& call) { files->read_of_session(call); });
  table.set(list_memory_files,
            [files](auto& call) { files->list_of_user(call); });
  table.set(get_memory_file,
            [files](auto& call) { files->read_of_user(call); });
}

} // namespace shannon::gateway
