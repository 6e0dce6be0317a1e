#include "actors/kit/process/process.hpp"

#include "actors/kit/process/spawn.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace shannon::kit {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds look_interval{100};
/// After the end, somebody may still hold the pipes open for this long.
constexpr milliseconds drain_time{500};
constexpr std::size_t descendants_max = 4096;

/// A pipe of the child, read to its end.
struct stream {
  explicit stream(asio::io_context& loop) : pipe(loop) {}
  asio::posix::stream_descriptor pipe;
  std::array<char, 16 * 1024> buffer;
  std::string text;
  bool open = false;
};

class child final : public process, public std::enable_shared_from_this<child> {
public:
  child(asio::io_context& loop, process_spec spec, process_limits limits,
        std::function<void(process_end)> done)
      : loop_(loop), spec_(std::move(spec)), limits_(limits),
        done_(std::move(done)), out_(loop), err_(loop), pidfd_(loop),
        wall_(loop), look_(loop) {}

  /// Also if the loop was stopped with the process still running.
  ~child() override {
    if (pid_ > 0) {
      ::kill(-pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  void stop(std::string why) override {
    asio::post(loop_, [self = shared_from_this(), why = std::move(why)] {
      self->end_.text = why;
      self->kill_for(process_end::reason::stopped);
    });
  }

  void start() {
    begun_ = steady_clock::now();
    if (doomed_) // Stopped before it was started.
      return finish();
    auto got = spawn_child(spec_);
    if (!got) {
      end_.why = process_end::reason::not_started;
      end_.text = got.error().text;
      return finish();
    }
    pid_ = got->pid;
    pidfd_.assign(got->pidfd.release());
    out_.pipe.assign(got->out.release());
    err_.pipe.assign(got->err.release());
    auto self = shared_from_this();
    await_end();
    out_.open = err_.open = true;
    read(out_);
    read(err_);
    wall_.expires_after(limits_.wall);
    wall_.async_wait([self](error_code stopped) {
      if (!stopped)
        self->kill_for(process_end::reason::wall_limit);
    });
    if (limits_.memory_bytes_max > 0)
      look();
  }

private:
  void read(stream& from) {
    from.pipe.async_read_some(
        asio::buffer(from.buffer),
        [self = shared_from_this(), &from](error_code ec, std::size_t size) {
          if (ec) {
            from.open = false;
            self->finish_if_over();
            return;
          }
          self->take(from, size);
          self->read(from);
        });
  }

  void take(stream& from, std::size_t size) {
    auto held = out_.text.size() + err_.text.size();
    auto room = limits_.output_bytes_max
                - std::min<std::uint64_t>(held, limits_.output_bytes_max);
    from.text.append(from.buffer.data(), std::min<std::uint64_t>(size, room));
    if (size > room)
      kill_for(process_end::reason::output_limit);
  }

  void look() {
    look_.expires_after(look_interval);
    look_.async_wait([self = shared_from_this()](error_code stopped) {
      if (stopped || self->pid_ == 0)
        return;
      if (tree_memory(self->pid_) > self->limits_.memory_bytes_max)
        self->kill_for(process_end::reason::memory_limit);
      else
        self->look();
    });
  }

  /// The first reason counts.
  void kill_for(process_end::reason why) {
    if (doomed_ || reaped_)
      return;
    doomed_ = true;
    end_.why = why;
    if (pid_ > 0)
      ::kill(-pid_, SIGKILL);
  }

  void await_end() {
    pidfd_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](error_code stopped) {
                        if (!stopped)
                          self->reap();
                      });
  }

  void reap() {
    int status = 0;
    if (pid_ == 0)
      return;
    if (!has_ended(pidfd_.native_handle()))
      return await_end();
    // Stragglers of the group, before the leader's number can become anyone
    // else's.
    ::kill(-pid_, SIGKILL);
    if (waitpid(pid_, &status, 0) != pid_)
      return;
    pid_ = 0;
    reaped_ = true;
    bool by_signal = WIFSIGNALED(status);
    end_.code = by_signal ? WTERMSIG(status) : WEXITSTATUS(status);
    if (!doomed_ && by_signal)
      end_.why = process_end::reason::signalled;
    wall_.expires_after(drain_time);
    wall_.async_wait([self = shared_from_this()](error_code stopped) {
      if (stopped)
        return;
      error_code ignored;
      self->out_.pipe.close(ignored);
      self->err_.pipe.close(ignored);
    });
    finish_if_over();
  }

  void finish_if_over() {
    if (reaped_ && !out_.open && !err_.open)
      finish();
  }

  void finish() {
    if (!done_)
      return;
    wall_.cancel();
    look_.cancel();
    end_.out = std::move(out_.text);
    end_.err = std::move(err_.text);
    end_.duration = std::chrono::duration_cast<std::chrono::microseconds>(
        steady_clock::now() - begun_);
    spec_.inherited.clear();
    std::exchange(done_, nullptr)(std::move(end_));
  }

  asio::io_context& loop_;
  process_spec spec_;
  process_limits limits_;
  std::function<void(process_end)> done_;
  stream out_;
  stream err_;
  asio::posix::stream_descriptor pidfd_;
  asio::steady_timer wall_;
  asio::steady_timer look_;
  steady_clock::time_point begun_;
  process_end end_;
  pid_t pid_ = 0;
  bool doomed_ = false;
  bool reaped_ = false;
};

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> out;
  auto tasks = "/proc/" + std::to_string(parent) + "/task";
  std::unique_ptr<DIR, int (*)(DIR*)> dir{opendir(tasks.c_str()), closedir};
  if (!dir)
    return out;
  while (auto* entry = readdir(dir.get())) {
    if (!std::isdigit(static_cast<unsigned char>(entry->d_name[0])))
      continue;
    std::ifstream list{tasks + "/" + entry->d_name + "/children"};
    for (pid_t child_pid = 0; list >> child_pid;)
      out.push_back(child_pid);
  }
  return out;
}

std::uint64_t anonymous_memory(pid_t who) {
  std::ifstream file{"/proc/" + std::to_string(who) + "/statm"};
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::uint64_t shared = 0;
  if (!(file >> size >> resident >> shared) || shared > resident)
    return 0;
  static const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return (resident - shared) * page;
}

} // namespace

std::uint64_t tree_memory(pid_t root) {
  std::uint64_t sum = 0;
  std::vector<pid_t> pending{root};
  for (std::size_t i = 0; i < pending.size() && i < descendants_max; ++i) {
    sum += anonymous_memory(pending[i]);
    auto more = children_of(pending[i]);
    pending.insert(pending.end(), more.begin(), more.end());
  }
  return sum;
}

std::shared_ptr<process> start_process(asio::io_context& loop,
                                       process_spec spec, process_limits limits,
                                       std::function<void(process_end)> done) {
  auto one
      = std::make_shared<child>(loop, std::move(spec), limits, std::move(done));
  asio::post(loop, [one] { one->start(); });
  return one;
}

} // namespace shannon::kit
