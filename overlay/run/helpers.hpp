// The programs of overlays while they are asked: each in a box of its own with no way out, reached
// only through its door, told nothing but the environment it was given. All end with the object,
// however it ends, and with the process, however that ends. Failures carry what a program said.
// Never shows an environment, which may hold secrets.
// Tested by tests/contain/helpers_test.cpp.
#pragma once

#include "overlay/run/exchange.hpp"
#include "policy/base/result.hpp"
#include "proxy/contain/box.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::overlay {

struct HelperProgram {
  std::string name;                     // for messages: "/guard"
  std::vector<std::string> command;     // the first is a path
  std::vector<std::string> environment; // all of it, as "NAME=value"
  std::uint16_t port = 0;               // of the endpoint that is asked
};

struct HelperTimes {
  std::chrono::milliseconds ready{30'000};  // all of them together
  std::chrono::milliseconds answer{30'000}; // each question
};

inline constexpr std::size_t kMostSaidBytes = 8U << 10; // of each program, the last

class Helpers {
 public:
  // Forks: call it before the process has threads, and from the thread that lives longest. Fails
  // (config) "containment_unavailable", or "helper_not_started" with the program's name, why, and
  // what it said.
  static Result<std::unique_ptr<Helpers>> start(std::vector<HelperProgram> programs,
                                                const HelperTimes& times = {});
  ~Helpers();
  Helpers(const Helpers&) = delete;
  Helpers& operator=(const Helpers&) = delete;

  // The body of a 2xx answer to a POST to "/". From any thread. Fails (upstream) "helper_failed".
  Result<std::string> ask(std::size_t program, const std::string& request);

 private:
  struct Program;
  class Listener;
  explicit Helpers(const HelperTimes& times);
  Result<> launch(HelperProgram asked);
  Result<> await_ready();
  Result<bool> is_ready(Program& program, Deadline until);
  void hear_out(Program& program);
  Error failure(Program& program, const char* code, const std::string& why);

  HelperTimes times_;
  std::vector<std::unique_ptr<Program>> programs_;
  std::unique_ptr<Listener> listener_; // to what they say
};

} // namespace sluice::overlay
