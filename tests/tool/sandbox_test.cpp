#include "actors/kit/io_loop.hpp"
#include "actors/tool/builtin/python_run.hpp"
#include "actors/tool/sandbox/sandbox.hpp"
#include "tests/kit/temp_folder.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

using namespace shannon;
using namespace shannon::tool;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

/// Programs in the sandbox of one session.
struct sandbox_fixture {
  shannon::test::temp_folder folder;
  kit::io_loop loop{"test"};
  config::tool_settings settings = tight();
  std::string session = "s1";

  config::tool_settings tight() {
    config::tool_settings out;
    out.workspace_dir = folder.path() + "/workspaces";
    out.python_wall_timeout = 20s;
    out.python_output_bytes = 64 * 1024;
    out.python_memory_bytes = 256ull * 1024 * 1024;
    out.file_bytes_max = 1024 * 1024;
    out.workspace_bytes_max = 4 * 1024 * 1024;
    return out;
  }

  struct under_way {
    tool_cancel cancel;
    std::future<remote::ToolResult> result;
  };

  under_way start(const std::string& code) {
    auto parts = std::make_shared<tool_parts>(loop.context(), settings);
    remote::EffectContext context;
    context.set_session(session);
    auto answer = std::make_shared<std::promise<remote::ToolResult>>();
    under_way out;
    out.result = answer->get_future();
    out.cancel = run_python(parts, workspace_key{settings, context}, code,
                            settings.python_wall_timeout,
                            [answer](remote::ToolResult got) {
                              answer->set_value(std::move(got));
                            });
    return out;
  }

  remote::ToolResult run(const std::string& code) {
    auto one = start(code);
    REQUIRE(one.result.wait_for(60s) == std::future_status::ready);
    auto got = one.result.get();
    INFO(got.output());
    UNSCOPED_INFO(got.error());
    return got;
  }

  /// Runs Python that prints what happened to one attempt.
  std::string attempt(const std::string& statement) {
    auto got = run("import os, socket, ctypes, sys\ntry:\n  " + statement
                   + "\n  print('done')\nexcept BaseException as e:\n"
                     "  print(type(e).__name__)\n");
    return got.output();
  }
};

} // namespace

TEST_CASE("this machine can run the sandbox") {
  auto ok = sandbox_check();
  INFO((ok ? "" : ok.error().text));
  REQUIRE(ok);
}

TEST_CASE_METHOD(sandbox_fixture, "a program prints and ends") {
  auto got = run("print(6 * 7)");
  CHECK(got.success());
  CHECK(got.output() == "42\n");
  auto about = nlohmann::json::parse(got.metadata_json());
  CHECK(about["exit_code"] == 0);
}

TEST_CASE_METHOD(sandbox_fixture, "an error of the program reaches the model") {
  auto got = run("print('before')\n1/0\n");
  CHECK_FALSE(got.success());
  CHECK(got.error()
        == "the program ended with exit code 1: ZeroDivisionError: division by "
           "zero");
  CHECK(got.output().find("before\n[stderr]\nTraceback") == 0);
  CHECK(got.output().find("line 2") != std::string::npos);
  CHECK(run("import sys; sys.exit(3)").error()
        == "the program ended with exit code 3");
  CHECK_FALSE(run("this is not python").success());
  CHECK(run("import os; os.kill(os.getpid(), 11)").error().find("139")
        != std::string::npos);
  CHECK(run("import sys; sys.stdout.buffer.write(b'\\xff\\x00')").success());
}

TEST_CASE_METHOD(sandbox_fixture, "the workspace stays from call to call") {
  CHECK(run("open('x', 'w').write('kept')").success());
  CHECK(run("print(open('/workspace/x').read())").output() == "kept\n");
  session = "s2";
  CHECK(attempt("open('/workspace/x')") == "FileNotFoundError\n");
}

TEST_CASE_METHOD(sandbox_fixture, "a program sees nothing of the host") {
  std::ofstream{folder.path() + "/secret"} << "secret";
  run("open('x', 'w').write('mine')");
  session = "s2";
  CHECK(attempt("print(sorted(os.listdir('/')))")
        == "['bin', 'dev', 'etc', 'lib', 'lib64', 'proc', 'run', 'tmp', "
           "'usr', 'workspace']\ndone\n");
  for (const char* path : {"/secret", "/workspaces"}) {
    INFO(path);
    CHECK(attempt("os.stat('" + folder.path() + path + "')")
          == "FileNotFoundError\n");
  }
  CHECK(attempt("open('/etc/passwd')") == "FileNotFoundError\n");
  CHECK(attempt("open('/root/x')") == "FileNotFoundError\n");
  CHECK(attempt("print(sorted(os.environ), os.environ['HOME'])")
        == "['HOME', 'LANG', 'PATH', 'PWD', 'TMPDIR'] /workspace\ndone\n");
  CHECK(attempt("print(os.getuid() != 0, len([p for p in os.listdir('/proc') "
                "if p.isdigit()]) < 5)")
        == "True True\ndone\n");
  CHECK(attempt("print(os.listdir('/proc/self/fd'))").find("'4'")
        == std::string::npos);
}

TEST_CASE_METHOD(sandbox_fixture, "the system is read-only") {
  for (const char* path :
       {"/usr/x", "/x", "/dev/x", "/run/x", "/run/program.py", "/etc/x",
        "/proc/sys/kernel/hostname"}) {
    INFO(path);
    auto got = attempt("open('" + std::string{path} + "', 'a').write('x')");
    CHECK((got == "OSError\n" || got == "PermissionError\n"));
  }
  CHECK(attempt("open('/tmp/x', 'w').write('x')") == "done\n");
  CHECK(attempt("open('/tmp/x')") == "FileNotFoundError\n");
}

TEST_CASE_METHOD(sandbox_fixture, "a program has no network") {
  // A listener of the host that must see nobody.
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&where), sizeof where)
          == 0);
  REQUIRE(listen(listener, 4) == 0);
  socklen_t size = sizeof where;
  getsockname(listener, reinterpret_cast<sockaddr*>(&where), &size);
  auto port = std::to_string(ntohs(where.sin_port));
  auto got
      = attempt("socket.create_connection(('127.0.0.1', " + port + "), 2)");
  CHECK((got == "ConnectionRefusedError\n" || got == "OSError\n"));
  CHECK(attempt("socket.create_connection(('1.1.1.1', 80), 2)") == "OSError\n");
  CHECK(attempt("socket.getaddrinfo('example.com', 80)") == "gaierror\n");
  CHECK(accept(listener, nullptr, nullptr) < 0);
  close(listener);
  for (const char* family : {"AF_NETLINK", "AF_PACKET", "AF_VSOCK"}) {
    INFO(family);
    CHECK(attempt("socket.socket(socket." + std::string{family}
                  + ", socket.SOCK_RAW)")
          == "OSError\n");
  }
  CHECK(attempt("a, b = socket.socketpair(); a.send(b'x'); b.recv(1)")
        == "done\n");
}

TEST_CASE_METHOD(sandbox_fixture,
                 "the filter refuses what a program needs not") {
  // Numbers of x86-64 and arm64 differ, so calls go through the C library.
  auto call = [&](const std::string& expression) {
    return attempt("c = ctypes.CDLL(None, use_errno=True); r = c." + expression
                   + "; print(r, ctypes.get_errno())");
  };
  CHECK(call("ptrace(0, 0, 0, 0)") == "-1 1\ndone\n");
  CHECK(call("mount(b'x', b'/tmp', b'tmpfs', 0, None)") == "-1 1\ndone\n");
  CHECK(call("umount(b'/tmp')") == "-1 1\ndone\n");
  CHECK(call("unshare(0x10000000)") == "-1 1\ndone\n");
  CHECK(call("unshare(0x20000)") == "-1 1\ndone\n");
  CHECK(call("setns(0, 0)") == "-1 1\ndone\n");
  CHECK(call("chroot(b'/tmp')") == "-1 1\ndone\n");
  CHECK(call("shmget(0, 4096, 0o1600)") == "-1 1\ndone\n");
  CHECK(call("memfd_create(b'x', 0)") == "-1 38\ndone\n");
  CHECK(call("personality(0xffffffff)") == "-1 1\ndone\n");
  CHECK(call("process_vm_readv(1, None, 0, None, 0, 0)") == "-1 1\ndone\n");
#if defined(__x86_64__)
  for (int number : {321 /* bpf */, 250 /* keyctl */, 323 /* userfaultfd */,
                     425 /* io_uring_setup */, 298 /* perf_event_open */,
                     246 /* kexec_load */, 313 /* finit_module */}) {
    INFO(number);
    CHECK(call("syscall(" + std::to_string(number) + ", 0, 0, 0, 0, 0)")
          == "-1 1\ndone\n");
  }
  CHECK(call("syscall(56, 0x10000011, 0, 0, 0, 0)") == "-1 1\ndone\n");
#endif
  // What a program does need still works.
  CHECK(run("import subprocess, threading\n"
            "t = threading.Thread(target=lambda: print('thread'))\n"
            "t.start(); t.join()\n"
            "print(subprocess.run(['/bin/echo', 'child'], "
            "capture_output=True).stdout)\n")
            .output()
        == "thread\nb'child\\n'\n");
}

TEST_CASE_METHOD(sandbox_fixture, "memory is limited for one and for all") {
  auto one = run("x = bytearray(1 << 30)");
  CHECK(one.error().find("MemoryError") != std::string::npos);
  auto all = run("import os, time\n"
                 "for i in range(8):\n"
                 "  if os.fork() == 0:\n"
                 "    x = bytearray(b'x' * (100 << 20))\n"
                 "    time.sleep(30)\n"
                 "    os._exit(0)\n"
                 "time.sleep(30)\n");
  CHECK(all.error().find("bytes of memory") != std::string::npos);
  for (const char* place : {"/tmp", "/dev/shm"}) {
    INFO(place);
    auto got
        = run("for i in range(1000):\n"
              "  open('"
              + std::string{place} + "/%d' % i, 'wb').write(b'x' * 1000000)\n");
    CHECK(got.error().find("No space left") != std::string::npos);
  }
}

TEST_CASE_METHOD(sandbox_fixture, "a fork bomb stays inside") {
  auto begun = steady_clock::now();
  auto got = run("import os\n"
                 "n = 0\n"
                 "try:\n"
                 "  while True:\n"
                 "    if os.fork() == 0:\n"
                 "      import time\n"
                 "      time.sleep(60)\n"
                 "      os._exit(0)\n"
                 "    n += 1\n"
                 "except OSError as e:\n"
                 "  print(n < 64, e.errno, flush=True)\n"
                 "  os._exit(0)\n");
  CHECK(got.output() == "True 11\n");
  CHECK(steady_clock::now() - begun < 10s);
}

TEST_CASE_METHOD(sandbox_fixture, "endless output ends the program") {
  auto begun = steady_clock::now();
  auto got = run("while True: print('x' * 1000)");
  CHECK(got.error().find("printed more than 65536 bytes") != std::string::npos);
  CHECK(got.truncated());
  CHECK(got.output().size() <= 65536);
  CHECK(steady_clock::now() - begun < 10s);
}

TEST_CASE_METHOD(sandbox_fixture, "an endless loop ends at a limit") {
  settings.python_wall_timeout = 1s;
  auto begun = steady_clock::now();
  auto got = run("import time\nprint('a')\ntime.sleep(60)");
  CHECK(got.error().find("longer than 1000 ms") != std::string::npos);
  CHECK(got.output() == "a\n");
  CHECK(steady_clock::now() - begun < 5s);
  settings.python_wall_timeout = 20s;
  settings.python_cpu_seconds = 1;
  CHECK(run("while True: pass").error().find("1 s of processor time")
        != std::string::npos);
}

TEST_CASE_METHOD(sandbox_fixture, "the disk is limited by file and in all") {
  auto one = run("open('big', 'wb').write(b'x' * (2 << 20))");
  CHECK(one.error().find("File too large") != std::string::npos);
  auto all = run("import time\n"
                 "for i in range(1000):\n"
                 "  open('f%d' % i, 'wb').write(b'x' * 500000)\n"
                 "  time.sleep(0.02)\n");
  CHECK(all.error().find("workspace is full") != std::string::npos);
  // A full workspace can be emptied, not filled.
  auto more = run("f = open('another', 'w')\nf.write('x')\nf.close()");
  CHECK(more.error().find("File too large") != std::string::npos);
  CHECK(run("import os\nfor f in os.listdir('.'): os.remove(f)").success());
  CHECK(run("open('another', 'w').write('x')").success());
}

TEST_CASE_METHOD(sandbox_fixture,
                 "a cancelled program is gone within a second") {
  auto one = start("import os, time\n"
                   "open('started', 'w').close()\n"
                   "for i in range(3):\n"
                   "  if os.fork() == 0: os.setsid()\n"
                   "while True:\n"
                   "  open('beat', 'a').write('x')\n"
                   "  time.sleep(0.01)\n");
  auto inside = settings.workspace_dir + "/" + kit::folder_name("") + "/"
                + kit::folder_name("") + "/" + kit::folder_name(session);
  auto due = steady_clock::now() + 10s;
  while (!std::filesystem::exists(inside + "/beat")
         && steady_clock::now() < due)
    std::this_thread::sleep_for(5ms);
  REQUIRE(std::filesystem::exists(inside + "/beat"));
  auto begun = steady_clock::now();
  one.cancel();
  REQUIRE(one.result.wait_for(1s) == std::future_status::ready);
  CHECK(steady_clock::now() - begun < 1s);
  CHECK(one.result.get().error() == "cancelled");
  auto size = std::filesystem::file_size(inside + "/beat");
  std::this_thread::sleep_for(200ms);
  CHECK(std::filesystem::file_size(inside + "/beat") == size);
  one.cancel(); // Once more, when all is over.
}

TEST_CASE_METHOD(sandbox_fixture, "a loop that ends takes its programs along") {
  std::string inside = settings.workspace_dir + "/" + kit::folder_name("") + "/"
                       + kit::folder_name("") + "/" + kit::folder_name(session);
  sandbox_fixture::under_way one;
  {
    kit::io_loop other{"other"};
    auto parts = std::make_shared<tool_parts>(other.context(), settings);
    remote::EffectContext context;
    context.set_session(session);
    one.cancel = run_python(parts, workspace_key{settings, context},
                            "import time\nwhile True:\n"
                            "  open('beat', 'a').write('x')\n"
                            "  time.sleep(0.01)\n",
                            20s, [](const remote::ToolResult&) {});
    auto due = steady_clock::now() + 10s;
    while (!std::filesystem::exists(inside + "/beat")
           && steady_clock::now() < due)
      std::this_thread::sleep_for(5ms);
    REQUIRE(std::filesystem::exists(inside + "/beat"));
    one.cancel = nullptr;
    other.stop();
  }
  auto settled = [&] {
    auto size = std::filesystem::file_size(inside + "/beat");
    std::this_thread::sleep_for(200ms);
    return std::filesystem::file_size(inside + "/beat") == size;
  };
  auto due = steady_clock::now() + 5s;
  while (!settled() && steady_clock::now() < due) {
  }
  CHECK(settled());
}
