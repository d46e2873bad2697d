#include "overlay/run/helpers.hpp"

#include "overlay/plan/decode.hpp"
#include "policy/base/printable.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

namespace sluice::overlay {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kBetweenTries = std::chrono::milliseconds(100);
constexpr auto kOneTry = std::chrono::milliseconds(2'000);
constexpr auto kToEnd = std::chrono::milliseconds(300); // for a program that may be ending
constexpr auto kLastWords = std::chrono::milliseconds(2'000);
constexpr int kGatewaySaysNo = 502; // somebody in between answers, and not yet the program
constexpr std::size_t kMostPreview = 4'096;

// Each line on its own, and none of it more than text.
std::string shown_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out += "  " + printable(text.substr(0, end)) + '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool has_ended(int process) {
  pollfd ended{process, POLLIN, 0};
  return ::poll(&ended, 1, 0) == 1;
}

} // namespace

struct Helpers::Program {
  HelperProgram asked;
  std::unique_ptr<contain::Box> box;
  std::mutex door; // one question to it at a time
  bool ready = false;

  UniqueFd reading; // what it says
  std::mutex mutex; // guards `said`
  std::string said;
  bool heard_all = false; // nothing more can come

  void hear(std::string_view bytes) {
    const std::lock_guard lock(mutex);
    said.append(bytes);
    if (said.size() > 2 * kMostSaidBytes) said.erase(0, said.size() - kMostSaidBytes);
  }
  std::string last_said() {
    const std::lock_guard lock(mutex);
    const auto from = said.size() > kMostSaidBytes ? said.size() - kMostSaidBytes : 0;
    return said.substr(from);
  }
  Result<UniqueFd> dial() {
    const std::lock_guard lock(door);
    return box->dial(asked.port);
  }
  std::string host() const { return "127.0.0.1:" + std::to_string(asked.port); }
};

// Takes what programs say as it comes, so that none waits for a reader.
class Helpers::Listener {
 public:
  explicit Listener(std::vector<std::unique_ptr<Program>>& programs)
      : programs_(programs), stop_(::eventfd(0, EFD_CLOEXEC)), thread_([this] { run(); }) {}
  ~Listener() {
    (void)::eventfd_write(stop_.get(), 1);
    thread_.join();
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

 private:
  void run() {
    for (;;) {
      std::vector<pollfd> waiting{{stop_.get(), POLLIN, 0}};
      for (const auto& one : programs_) waiting.push_back({one->reading.get(), POLLIN, 0});
      if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
      if (waiting.front().revents != 0) return;
      for (std::size_t i = 1; i < waiting.size(); ++i) {
        if (waiting[i].revents != 0) take(*programs_[i - 1]);
      }
    }
  }

  static void take(Program& from) {
    std::array<char, 4'096> bytes{};
    const auto got = ::read(from.reading.get(), bytes.data(), bytes.size());
    if (got > 0) return from.hear({bytes.data(), static_cast<std::size_t>(got)});
    from.reading = UniqueFd(); // poll leaves out what is no descriptor
    const std::lock_guard lock(from.mutex);
    from.heard_all = true;
  }

  std::vector<std::unique_ptr<Program>>& programs_;
  UniqueFd stop_;
  std::thread thread_;
};

Helpers::Helpers(const HelperTimes& times) : times_(times) {}

Helpers::~Helpers() {
  for (const auto& one : programs_) one->box.reset();
}

Result<std::unique_ptr<Helpers>> Helpers::start(std::vector<HelperProgram> programs,
                                                const HelperTimes& times) {
  std::unique_ptr<Helpers> out(new Helpers(times));
  // Boxes are forked before there is a thread.
  for (auto& one : programs) {
    SLUICE_TRY(out->launch(std::move(one)));
  }
  out->listener_ = std::make_unique<Listener>(out->programs_);
  SLUICE_TRY(out->await_ready());
  return out;
}

Result<> Helpers::launch(HelperProgram asked) {
  contain::BoxOptions options;
  options.door = true;
  auto program = std::make_unique<Program>();
  program->asked = std::move(asked);
  SLUICE_TRY(auto&& box, contain::Box::create(options));
  (void)box->take_sockets(); // nobody answers there: every way out is closed
  program->box = std::move(box);
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return make_error(Origin::internal, "helper_not_started", "no pipe");
  }
  program->reading = UniqueFd(ends[0]);
  const UniqueFd writing(ends[1]);
  const auto started =
      program->box->start(program->asked.command, program->asked.environment, writing.get());
  if (!started) return failure(*program, "helper_not_started", started.error().detail);
  programs_.push_back(std::move(program));
  return success();
}

Result<> Helpers::await_ready() {
  const Deadline until = Clock::now() + times_.ready;
  for (;;) {
    bool all = true;
    for (const auto& one : programs_) {
      SLUICE_TRY(auto&& ready, is_ready(*one, until));
      all = all && ready;
    }
    if (all) return success();
    if (Clock::now() >= until) break;
    std::this_thread::sleep_for(kBetweenTries);
  }
  for (const auto& one : programs_) {
    if (one->ready) continue;
    return failure(*one, "helper_not_started",
                   "did not answer GET / on port " + std::to_string(one->asked.port) + " in " +
                       std::to_string(times_.ready.count() / 1000) + " s");
  }
  return success();
}

// Ready is who answers anything in HTTP; a program that knows only POST says 501.
Result<bool> Helpers::is_ready(Program& program, Deadline until) {
  if (program.ready) return true;
  if (has_ended(program.box->ended_fd())) {
    return failure(program, "helper_not_started", "ended before it was ready");
  }
  auto connection = program.dial();
  if (!connection) return false;
  const Asked asked{"GET", "/", program.host(), ""};
  const auto answer = exchange(std::move(connection.value()), asked, kMaxPlanBytes,
                               std::min(until, Clock::now() + kOneTry));
  program.ready = answer && answer.value().status != kGatewaySaysNo;
  return program.ready;
}

Result<std::string> Helpers::ask(std::size_t program, const std::string& request) {
  Program& to = *programs_.at(program);
  auto connection = to.dial();
  if (!connection) return failure(to, "helper_failed", connection.error().detail);
  const Asked asked{"POST", "/", to.host(), request};
  auto answer =
      exchange(std::move(connection.value()), asked, kMaxPlanBytes, Clock::now() + times_.answer);
  if (!answer) return failure(to, "helper_failed", answer.error().detail);
  const int status = answer.value().status;
  if (status >= 200 && status < 300) return std::move(answer.value().body);
  const std::string& body = answer.value().body;
  return failure(to, "helper_failed",
                 "answered " + std::to_string(status) + ": " +
                     printable(body.substr(0, kMostPreview)) +
                     (body.size() > kMostPreview ? " (truncated)" : ""));
}

// A program that ends closes its connections first, and what it said last may still be on its way.
void Helpers::hear_out(Program& program) {
  const auto begun = Clock::now();
  const auto all = [&program] {
    const std::lock_guard lock(program.mutex);
    return program.heard_all;
  };
  while (listener_ && !all()) {
    const auto most = has_ended(program.box->ended_fd()) ? kLastWords : kToEnd;
    if (Clock::now() - begun >= most) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Error Helpers::failure(Program& program, const char* code, const std::string& why) {
  hear_out(program);
  std::string detail = program.asked.name + ": " + why;
  if (const auto said = program.last_said(); !said.empty()) {
    detail += "\nits output:\n" + shown_lines(said);
  }
  return make_error(Origin::upstream, code, std::move(detail));
}

} // namespace sluice::overlay
