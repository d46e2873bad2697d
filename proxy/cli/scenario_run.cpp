#include "proxy/cli/scenario_run.hpp"

#include "overlay/deploy/prepare.hpp"
#include "policy/base/printable.hpp"
#include "policy/evidence/file.hpp"
#include "proxy/cli/scenario_layout.hpp"
#include "proxy/cli/scenario_sidecar.hpp"
#include "proxy/contain/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <iostream>
#include <utility>

namespace sluice::cli {
namespace {

using overlay::UnitId;
using Clock = std::chrono::steady_clock;

constexpr auto kToEnd = std::chrono::seconds(5);       // for programs that were asked to
constexpr auto kToEndAtOnce = std::chrono::seconds(5); // for sidecars whose programs are gone
constexpr auto kToBeQuiet = std::chrono::seconds(5);   // about who is waited for
constexpr std::size_t kLongestLine = 64 * 1024;

// What comes over a descriptor, in lines.
class Lines {
 public:
  explicit Lines(UniqueFd fd) : fd_(std::move(fd)) {}
  int fd() const noexcept { return fd_.get(); } // -1 when nothing more comes
  void take(const std::function<void(std::string_view)>& act) {
    std::array<char, 8'192> bytes{};
    const auto got = ::read(fd_.get(), bytes.data(), bytes.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got > 0) held_.append(bytes.data(), static_cast<std::size_t>(got));
    for (auto end = held_.find('\n'); end != std::string::npos; end = held_.find('\n')) {
      act(std::string_view(held_).substr(0, end));
      held_.erase(0, end + 1);
    }
    if (held_.size() < kLongestLine && got > 0) return;
    if (!held_.empty()) act(std::exchange(held_, {}));
    if (got <= 0) fd_ = UniqueFd();
  }

 private:
  UniqueFd fd_;
  std::string held_;
};

// What goes to standard error. Who reads it may be slow or gone: nothing waits for that.
class Messages {
 public:
  bool full() const noexcept { return pending_.size() > kMostPending; }
  bool pending() const noexcept { return !pending_.empty(); }
  void say(const std::string& line) {
    if (pending_.size() > 2 * kMostPending) return; // of a run that ends
    pending_.append(line).append("\n");
  }
  // After poll() for POLLOUT, which promises room for this much in a pipe.
  void write(int events) {
    if ((events & (POLLERR | POLLNVAL | POLLHUP)) != 0) return pending_.clear();
    if ((events & POLLOUT) == 0) return;
    const auto size = std::min<std::size_t>(pending_.size(), 4'096);
    const auto gone = ::write(STDERR_FILENO, pending_.data(), size);
    if (gone > 0) pending_.erase(0, static_cast<std::size_t>(gone));
    if (gone < 0 && errno != EINTR && errno != EAGAIN) pending_.clear();
  }
  void write_rest() {
    const auto until = Clock::now() + std::chrono::seconds(1);
    while (pending() && Clock::now() < until) {
      pollfd line{STDERR_FILENO, POLLOUT, 0};
      (void)::poll(&line, 1, 100);
      write(line.revents);
    }
  }

 private:
  static constexpr std::size_t kMostPending = 1 << 20;
  std::string pending_;
};

struct Child {
  enum class State : std::uint8_t { preparing, ready, starting, serving, ended };
  std::string name; // of the component
  pid_t pid = -1;
  bool program = false;
  State state = State::preparing;
  bool gone = false; // the process
  Lines report, output;
};

class ScenarioRun {
 public:
  ScenarioRun(const Output& out, const overlay::Deployment& deployment, PlacedScenario placed,
              std::string directory, const sigset_t& signals)
      : out_(out), deployment_(deployment), placed_(std::move(placed)),
        directory_(std::move(directory)), signals_(signals),
        signal_fd_(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)) {}

  int run() {
    for (auto& task : placed_.tasks) start(std::move(task));
    placed_.sockets.clear(); // theirs alone from here on
    while (!all_gone()) {
      turn();
      escalate();
    }
    messages_.write_rest();
    if (!failure_.empty()) return out_.fail(kFailed, "scenario_failed", failure_);
    return kDone;
  }

 private:
  // ---- processes -------------------------------------------------------------------------------

  void start(SidecarTask task) {
    int report[2] = {-1, -1}, output[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, report) != 0 ||
        ::pipe2(output, O_CLOEXEC) != 0) {
      return fail(task.moniker + ": no pipe");
    }
    UniqueFd told(report[0]), heard(output[0]);
    task.report = UniqueFd(report[1]);
    task.output = UniqueFd(output[1]);
    const std::string name = task.moniker;
    const bool program = !task.command.empty();
    const pid_t pid = ::fork();
    if (pid == 0) {
      // Our ends closed, so that it hears when we are gone.
      { const UniqueFd first = std::move(told), second = std::move(heard); }
      become_sidecar(std::move(task));
    }
    children_.push_back({name, pid, program, Child::State::preparing, pid < 0,
                         Lines(std::move(told)), Lines(std::move(heard))});
    if (pid < 0) fail(name + ": no process");
  }

  // Has our terminal's signals from us alone, and none of the others' lines.
  [[noreturn]] void become_sidecar(SidecarTask task) {
    ::setpgid(0, 0);
    { const UniqueFd closed = std::move(signal_fd_); }
    children_.clear();
    std::vector<UniqueFd> others = std::move(placed_.sockets);
    for (auto& one : others) { // ours are the runtime's from here on, the others' nobody's
      const int fd = one.release();
      const bool ours = std::any_of(task.sockets.begin(), task.sockets.end(),
                                    [fd](const auto& mine) { return mine.second == fd; });
      if (!ours) ::close(fd);
    }
    const int code = run_sidecar(std::move(task), signals_);
    std::cerr.flush();
    ::_exit(code);
  }

  bool all_gone() const {
    return std::all_of(children_.begin(), children_.end(),
                       [](const Child& one) { return one.gone && one.output.fd() < 0; });
  }

  void reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      for (Child& one : children_) {
        if (one.pid != pid) continue;
        one.gone = true;
        hear_out(one);
        if (one.state != Child::State::ended) fail(one.name + ": its sidecar ended");
      }
    }
  }

  // What it said last may have come after we looked.
  void hear_out(Child& one) {
    for (;;) {
      pollfd report{one.report.fd(), POLLIN, 0};
      if (one.report.fd() < 0 || ::poll(&report, 1, 0) != 1) return;
      one.report.take([&](std::string_view line) { told(one, line); });
    }
  }

  // ---- what happens ----------------------------------------------------------------------------

  void turn() {
    const short writes = messages_.pending() ? POLLOUT : 0;
    std::vector<pollfd> waiting{{signal_fd_.get(), POLLIN, 0},
                                {writes != 0 ? STDERR_FILENO : -1, writes, 0}};
    const bool reads = stopping_ || !messages_.full(); // programs wait for who reads them
    for (const Child& one : children_) {
      waiting.push_back({one.report.fd(), POLLIN, 0});
      waiting.push_back({reads ? one.output.fd() : -1, POLLIN, 0});
    }
    (void)::poll(waiting.data(), waiting.size(), 200);
    messages_.write(waiting[1].revents);
    for (std::size_t i = 0; i < children_.size(); ++i) {
      Child& one = children_[i];
      if (waiting[2 + 2 * i].revents != 0)
        one.report.take([&](std::string_view line) { told(one, line); });
      if (waiting[3 + 2 * i].revents != 0)
        one.output.take([&](std::string_view line) { show(one, line); });
    }
    if (waiting[0].revents != 0) take_signals();
    reap();
    advance();
  }

  void take_signals() {
    signalfd_siginfo info{};
    while (::read(signal_fd_.get(), &info, sizeof info) == sizeof info) {
      const auto which = static_cast<int>(info.ssi_signo);
      if (which == SIGINT || which == SIGTERM || which == SIGHUP || which == SIGQUIT)
        stop_by_signal();
    }
  }

  void stop_by_signal() {
    if (stopping_) return end_at_once();
    messages_.say("stopping; once more to stop at once");
    stop();
  }

  void show(const Child& from, std::string_view line) {
    messages_.say('[' + from.name + "] " + printable(line));
  }

  void told(Child& from, std::string_view line) {
    using State = Child::State;
    if (line == "ready") from.state = State::ready;
    if (line == "serving") from.state = State::serving;
    if (line.starts_with("failed ")) {
      fail(from.name + ": " + std::string(line.substr(7)));
      from.state = State::ended;
    }
    if (line.starts_with("ended ")) ended(from, std::string(line.substr(6)));
  }

  void ended(Child& one, const std::string& code) {
    if (one.state == Child::State::ended) return;
    one.state = Child::State::ended;
    if (stopping_ || !one.program) return;
    messages_.say(one.name + " ended with exit code " + code);
    if (code != "0") fail(one.name + " ended with exit code " + code);
    const bool others = std::any_of(children_.begin(), children_.end(), [](const Child& other) {
      return other.program && other.state != Child::State::ended;
    });
    if (!others) stop(); // who only stands between programs is of no use any more
  }

  // Each program when those that it needs answer.
  void advance() {
    using State = Child::State;
    if (stopping_) return;
    const auto in = [](State state) {
      return [state](const Child& one) { return one.state == state; };
    };
    if (std::any_of(children_.begin(), children_.end(), in(State::preparing))) return;
    for (UnitId id = 0; id < children_.size(); ++id) {
      const auto& needs = deployment_.units[id].needs;
      const bool now = std::all_of(needs.begin(), needs.end(), [this](UnitId needed) {
        return children_[needed].state >= State::serving;
      });
      if (children_[id].state != State::ready || !now) continue;
      children_[id].state = State::starting;
      (void)::send(children_[id].report.fd(), "g", 1, MSG_NOSIGNAL);
    }
    const bool up = std::all_of(children_.begin(), children_.end(),
                                [](const Child& one) { return one.state >= State::serving; });
    if (up && !std::exchange(announced_, true)) announce_exports();
    if (!up && Clock::now() - begun_ > kToBeQuiet && !std::exchange(waits_, true))
      say_who_is_awaited();
  }

  void say_who_is_awaited() {
    for (const Child& one : children_) {
      if (one.state == Child::State::starting)
        messages_.say(one.name + " does not listen on its ports yet");
    }
  }

  void announce_exports() {
    Json exports = Json::object();
    std::string text;
    for (const auto& one : placed_.exports) {
      exports[one.name] = {{"url", one.url}, {"component", one.moniker}};
      text += one.name + "  " + one.url + '\n';
    }
    out_.print({{"exports", std::move(exports)}, {"directory", directory_}}, text);
    std::cout.flush();
    messages_.say("running; evidence below " + directory_);
  }

  // ---- the end ---------------------------------------------------------------------------------

  void fail(std::string why) {
    if (failure_.empty()) {
      failure_ = std::move(why);
    } else if (!stopping_) {
      messages_.say(why);
    }
    stop();
  }

  void stop() {
    if (std::exchange(stopping_, true)) return;
    until_ = Clock::now() + kToEnd;
    for (const Child& one : children_) {
      if (!one.gone) (void)::kill(one.pid, SIGTERM);
    }
  }

  void end_at_once() {
    if (std::exchange(at_once_, true)) return;
    until_ = Clock::now() + kToEndAtOnce;
    for (const Child& one : children_) (void)::send(one.report.fd(), "k", 1, MSG_NOSIGNAL);
  }

  void escalate() {
    if (!stopping_ || Clock::now() < until_) return;
    if (!at_once_) return end_at_once();
    for (const Child& one : children_) {
      if (!one.gone) (void)::kill(one.pid, SIGKILL); // its box goes with it
    }
    until_ = Clock::now() + kToEndAtOnce;
  }

  const Output& out_;
  const overlay::Deployment& deployment_;
  PlacedScenario placed_;
  std::string directory_;
  const sigset_t& signals_;
  UniqueFd signal_fd_;
  std::vector<Child> children_; // by unit
  Messages messages_;
  const Clock::time_point begun_ = Clock::now();
  bool announced_ = false, waits_ = false, stopping_ = false, at_once_ = false;
  Clock::time_point until_;
  std::string failure_;
};

// For this run alone, and for the sidecars that end after it.
Result<UniqueFd> take_directory(const std::string& path) {
  std::error_code error;
  const auto here = std::filesystem::current_path(error).string() + '/';
  if (here.starts_with(std::filesystem::canonical(path, error).string() + '/')) {
    return make_error(Origin::config, "directory_in_use",
                      "--dir " + path +
                          ": the working directory lies in it, and programs must not see it");
  }
  UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::flock(folder.get(), LOCK_EX | LOCK_NB) != 0) {
    return make_error(Origin::config, "directory_in_use",
                      "--dir " + path + ": another run keeps its evidence there");
  }
  return folder;
}

} // namespace

int run_scenario(const Output& out, const CompiledScenario& compiled,
                 const ScenarioOptions& options) {
  const sigset_t signals = contain::block_control_signals();
  Diagnostics found;
  const auto& scenario = compiled.passed->rewritten.scenario;
  const auto prepared = overlay::prepare(compiled.linked, scenario, &compiled.root_values, found);
  if (has_errors(found)) return out.fail(found);
  if (prepared->deployment.units.empty())
    return out.fail(kUsage, "nothing_to_run", "no component of the scenario has a program");
  const auto folder = RunFolder::make();
  if (!folder) return out.fail(folder.error());
  ScenarioOptions here = options;
  here.directory = std::filesystem::absolute(options.directory).lexically_normal().string();
  if (auto made = evidence::make_directory(here.directory); !made) return out.fail(made.error());
  const auto ours = take_directory(here.directory);
  if (!ours) return out.fail(ours.error());
  auto placed = place_scenario(compiled, *prepared, here, folder.value(), found);
  if (!placed) return out.fail(found);
  return ScenarioRun(out, prepared->deployment, std::move(*placed), here.directory, signals).run();
}

} // namespace sluice::cli
