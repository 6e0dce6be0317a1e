#include "actors/tool/sandbox/sandbox.hpp"

#include "actors/tool/sandbox/seccomp.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sys/mman.h>
#include <unistd.h>

namespace shannon::tool {

namespace {

namespace fs = std::filesystem;

constexpr const char* bwrap_path = "/usr/bin/bwrap";
constexpr const char* prlimit_path = "/usr/bin/prlimit";
constexpr const char* python_path = "/usr/bin/python3";
constexpr const char* program_path = "/run/program.py";
/// As root, the workspace is mounted here first, in a mount namespace of the
/// child: the user it becomes could not walk there through private folders.
constexpr const char* landing_path = "/mnt";

result<kit::owned_fd> memory_file(const std::string& text) {
  kit::owned_fd file{memfd_create("program", MFD_CLOEXEC)};
  std::size_t done = 0;
  while (file && done < text.size()) {
    auto wrote = write(file.get(), text.data() + done, text.size() - done);
    if (wrote <= 0)
      return fail(errc::unavailable, "sandbox: no memory for the program",
                  true);
    done += static_cast<std::size_t>(wrote);
  }
  if (!file || lseek(file.get(), 0, SEEK_SET) != 0)
    return fail(errc::unavailable,
                std::string{"sandbox: no memory file: "} + std::strerror(errno),
                true);
  return file;
}

result<void> installed() {
  struct part {
    const char* path;
    const char* package;
  };
  for (auto [path, package] :
       {part{bwrap_path, "bubblewrap"}, part{python_path, "python3"},
        part{prlimit_path, "util-linux"}})
    if (access(path, X_OK) != 0)
      return fail(errc::unavailable, std::string{"sandbox: "} + path
                                         + " is missing; install the package "
                                         + package);
  return {};
}

} // namespace

result<kit::process_spec> sandboxed_python(const std::string& code,
                                           const std::string& workspace,
                                           const sandbox_limits& limits) {
  if (auto ok = installed(); !ok)
    return tl::unexpected(ok.error());
  auto filter = sandbox_filter();
  if (!filter)
    return tl::unexpected(filter.error());
  auto program = memory_file(code);
  if (!program)
    return tl::unexpected(program.error());
  kit::process_spec out;
  bool drops = kit::sandbox_drops_user();
  if (drops) {
    out.user = kit::sandbox_user;
    out.mount_from = workspace;
    out.mount_to = landing_path;
  }
  auto text = [](std::uint64_t value) { return std::to_string(value); };
  auto limit = [&](const char* name, std::uint64_t value) {
    return "--" + std::string{name} + "=" + text(value) + ":" + text(value);
  };
  out.argv = {
      bwrap_path,
      // Namespaces: all of them; no terminal; nothing survives the node.
      "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc",
      "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox", "--uid",
      "1000", "--gid", "1000", "--cap-drop", "ALL", "--die-with-parent",
      "--clearenv", "--setenv", "PATH", "/usr/bin", "--setenv", "HOME",
      "/workspace", "--setenv", "LANG", "C.UTF-8", "--setenv", "TMPDIR", "/tmp",
      // The system, read-only: programs and libraries, no settings, no homes.
      "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink",
      "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--ro-bind-try",
      "/etc/ld.so.cache", "/etc/ld.so.cache", "--ro-bind-try",
      "/etc/alternatives", "/etc/alternatives", "--proc", "/proc",
      // Every tmpfs is bounded or read-only: memory that no rlimit counts.
      "--dev", "/dev", "--size", text(limits.tmp_bytes / 2), "--tmpfs",
      "/dev/shm", "--remount-ro", "/dev", "--size", text(limits.tmp_bytes),
      "--tmpfs", "/tmp", "--ro-bind-data", text(std::uint64_t(program->get())),
      program_path, "--bind", drops ? landing_path : workspace, "/workspace",
      "--chdir", "/workspace", "--remount-ro", "/", "--seccomp",
      text(std::uint64_t(filter->get())), "--",
      // Set inside the user namespace, where they count only what is in it.
      // The soft limit sends SIGXCPU, which tells itself from other kills.
      prlimit_path,
      "--cpu=" + text(limits.cpu_seconds) + ":" + text(limits.cpu_seconds + 1),
      limit("as", limits.memory_bytes), limit("nproc", limits.processes),
      limit("fsize", limits.file_bytes), limit("nofile", limits.files),
      limit("core", 0), "--",
      // -I: no user packages, no PYTHON* variables. -u: output is not lost.
      python_path, "-I", "-u", program_path};
  out.inherited.push_back(std::move(*filter));
  out.inherited.push_back(std::move(*program));
  return out;
}

result<void> sandbox_check() {
  auto folder = (fs::temp_directory_path() / "shannon-check-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr)
    return fail(errc::unavailable, std::string{"sandbox: no temporary folder: "}
                                       + std::strerror(errno));
  if (kit::sandbox_drops_user())
    (void)!chown(folder.c_str(), kit::sandbox_user, kit::sandbox_user);
  auto spec = sandboxed_python("print(6 * 7)", folder, {});
  result<void> out;
  if (!spec) {
    out = tl::unexpected(spec.error());
  } else {
    boost::asio::io_context loop{1};
    kit::process_limits limits;
    limits.wall = std::chrono::seconds{8};
    kit::process_end end;
    end.why = kit::process_end::reason::not_started;
    end.text = "no end within 10 s";
    auto one = kit::start_process(
        loop, std::move(*spec), limits,
        [&](kit::process_end how) { end = std::move(how); });
    loop.run_for(std::chrono::seconds{10});
    if (end.why != kit::process_end::reason::exited || end.code != 0
        || end.out != "42\n")
      out = fail(errc::unavailable,
                 "sandbox: bubblewrap cannot run a program here: "
                     + (end.text.empty() ? end.err.substr(0, 200) : end.text)
                     + "; user namespaces must be allowed (sysctl "
                       "kernel.unprivileged_userns_clone=1, or the container "
                       "run with them)");
  }
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  return out;
}

} // namespace shannon::tool
