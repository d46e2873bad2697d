#include "proxy/cli/scenario_sidecar.hpp"

#include "policy/base/printable.hpp"
#include "proxy/cli/agent_environment.hpp"
#include "proxy/cli/exec_box.hpp"
#include "proxy/contain/process.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace sluice::cli {
namespace {

constexpr auto kToListen = std::chrono::seconds(30);
constexpr timespec kBetweenLooks{0, 50'000'000};

class ScenarioSidecar {
 public:
  ScenarioSidecar(SidecarTask task, const sigset_t& signals)
      : task_(std::move(task)), signals_(signals) {}

  int run() {
    auto config = load();
    if (!config) return kFailed;
    if (has_program()) {
      if (!enclose(*config)) return kFailed;
    }
    auto started = runtime::Runtime::start(std::move(*config));
    if (auto* failure = std::get_if<runtime::StartFailure>(&started)) {
      return fail(failure->error ? failure->error->detail : format(failure->diagnostics));
    }
    runtime_ = std::move(std::get<std::unique_ptr<runtime::Runtime>>(started));
    if (has_program() && !prove()) return kFailed;
    tell("ready");
    const int code = serve();
    runtime_->stop(has_program() ? "the program ended with exit code " + std::to_string(code)
                                 : "terminate");
    tell("ended " + std::to_string(code));
    return code;
  }

 private:
  bool has_program() const noexcept { return !task_.command.empty(); }

  void tell(const std::string& text) const {
    const auto line = text + '\n';
    (void)!::send(task_.report.get(), line.data(), line.size(), MSG_NOSIGNAL);
  }

  int fail(std::string why) const {
    while (why.ends_with('\n')) why.pop_back();
    tell("failed " + printable(why));
    return kFailed;
  }

  std::optional<runtime::Config> load() {
    auto load = runtime::load_config_file(task_.config_file);
    if (!load.config) {
      (void)fail(format(load.diagnostics));
      return std::nullopt;
    }
    auto& listeners = load.config->settings.listeners;
    if (has_program()) { // the box has its own for what it catches
      listeners.erase(std::remove_if(listeners.begin(), listeners.end(),
                                     [](const io::ListenerSettings& one) {
                                       return one.kind == call::ListenerKind::transparent ||
                                              one.kind == call::ListenerKind::forward ||
                                              one.kind == call::ListenerKind::dns;
                                     }),
                      listeners.end());
    }
    for (auto& one : listeners) {
      const auto bound = task_.sockets.find(one.name);
      const bool in_box = std::any_of(task_.slots.begin(), task_.slots.end(),
                                      [&](const auto& slot) { return slot.second == one.name; });
      one.adopted = in_box || bound != task_.sockets.end();
      if (bound == task_.sockets.end()) continue;
      load.config->adopted.push_back(
          {one.name, bound->second, runtime::AdoptedSocket::Role::tcp_accept});
    }
    return std::move(load.config);
  }

  bool enclose(runtime::Config& config) {
    BoxWish wish;
    auto trust = trust_environment(config, wish.trust_bundle);
    if (!trust) return fail(trust.error().detail), false;
    for (auto& [name, value] : trust.value()) task_.environment.emplace(name, std::move(value));
    wish.slots = task_.slots;
    wish.hidden = task_.hidden;
    wish.door = wish.own_files = true;
    wish.kept = task_.kept;
    auto box = make_box(config, wish);
    if (!box) return fail("the program cannot be contained: " + box.error().detail), false;
    box_ = std::move(box.value());
    auto inside = std::make_shared<io::Inside>();
    inside->host = task_.program_host;
    inside->dial = [this](std::uint16_t port) {
      const std::lock_guard lock(door_);
      return box_->dial(port);
    };
    config.settings.inside = std::move(inside);
    return true;
  }

  bool prove() {
    auto report = probe_box(*box_, *runtime_);
    if (!report) return fail(report.error().detail), false;
    if (!report.value().holds()) return fail("not contained: " + report.value().failures()), false;
    return true;
  }

  // The exit code of the program, 0 for a sidecar that was told to end.
  int serve() {
    if (!told_to_go()) return kDone;
    if (!has_program()) {
      tell("serving");
      while (told_to_go()) {
      }
      return kDone;
    }
    std::vector<std::string> environment;
    for (const auto& [name, value] : task_.environment)
      environment.emplace_back(name).append("=").append(value);
    if (auto begun = box_->start(task_.command, environment, task_.output.get()); !begun)
      return fail(begun.error().detail);
    { const UniqueFd closed = std::move(task_.output); } // the program's end is the end of it
    tell("started");
    return supervise();
  }

  // What whoever started us says next, or has left: 'g' go, 'k' end at once, 0 nothing yet.
  char heard(int patience_ms) const {
    pollfd line{task_.report.get(), POLLIN, 0};
    if (::poll(&line, 1, patience_ms) != 1) return 0;
    char word = 'k';
    return ::recv(task_.report.get(), &word, 1, 0) == 1 ? word : 'k';
  }

  // False: to the end instead.
  bool told_to_go() const {
    for (;;) {
      siginfo_t info{};
      const int got = ::sigtimedwait(&signals_, &info, &kBetweenLooks);
      if (got == SIGTERM || got == SIGINT) return false;
      if (const char word = heard(0); word != 0) return word == 'g';
    }
  }

  // A program that does not end when asked to, and one whose sidecar nobody waits for any more.
  void end_when_told() {
    for (;;) {
      pollfd lines[] = {{over_.get(), POLLIN, 0}, {task_.report.get(), POLLIN, 0}};
      if (::poll(lines, 2, -1) < 0) continue;
      if (lines[0].revents != 0) return;
      if (heard(0) != 'k') continue;
      (void)::syscall(SYS_pidfd_send_signal, box_->ended_fd(), SIGKILL, nullptr, 0);
      return;
    }
  }

  // The exit code. Its number is waited for in here, so nobody may kill by that.
  int supervise() {
    over_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
    std::thread orders([this] { end_when_told(); });
    if (await_ports()) tell("serving");
    const int code = contain::supervise(box_->pid(), signals_);
    (void)::eventfd_write(over_.get(), 1);
    orders.join();
    return code;
  }

  bool answers(std::uint16_t port) {
    const std::lock_guard lock(door_);
    return box_->dial(port).has_value();
  }

  // A signal while we wait is the program's.
  bool await_ports() {
    const auto until = std::chrono::steady_clock::now() + kToListen;
    sigset_t orders = signals_;
    sigdelset(&orders, SIGCHLD); // is for who supervises
    for (const std::uint16_t port : task_.awaited) {
      while (!answers(port)) {
        pollfd ended{box_->ended_fd(), POLLIN, 0};
        if (::poll(&ended, 1, 0) == 1) return false;
        if (std::chrono::steady_clock::now() >= until) {
          (void)fail("does not listen on port " + std::to_string(port) + " after 30 s");
          return false;
        }
        siginfo_t info{};
        const int got = ::sigtimedwait(&orders, &info, &kBetweenLooks);
        if (got > 0) {
          (void)::kill(box_->pid(), got);
          return false;
        }
      }
    }
    return true;
  }

  SidecarTask task_;
  const sigset_t& signals_;
  UniqueFd over_; // says that the program has ended
  std::mutex door_;
  std::unique_ptr<contain::Box> box_;
  std::unique_ptr<runtime::Runtime> runtime_; // before the box: it may dial
};

} // namespace

int run_sidecar(SidecarTask task, const sigset_t& signals) {
  return ScenarioSidecar(std::move(task), signals).run();
}

} // namespace sluice::cli
