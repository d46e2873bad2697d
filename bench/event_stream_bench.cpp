// CPU time per event of the joiner, on streams as vendors write them: clean text of pieces of 1 to
// 7 characters, network reads of 20 to 200 bytes or a read per event. Prints nanoseconds per event.
#include "policy/redact/event_stream.hpp"

#include "tests/support/event_transcript.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <random>
#include <sstream>

namespace {

using namespace sluice;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::string some_text(std::size_t size) {
  std::ifstream file("/usr/share/common-licenses/GPL-3");
  std::stringstream all;
  all << file.rdbuf();
  std::string text = all.str();
  while (text.size() < size) text += text + "All the words of a license, again. ";
  return text.substr(0, size);
}

struct Measured {
  double ns = 0;
  std::size_t delayed = 0;
};

template <typename Size>
Measured measure(const std::shared_ptr<const redact::RuleSet>& rules,
                 const std::vector<std::string>& events, Size size) {
  std::string all;
  for (const auto& event : events) all += event;
  double best = 1e9;
  for (int round = 0; round < 7; ++round) {
    redact::EventStream stream(rules, redact::EventFormat::server_sent);
    std::string out;
    std::size_t at = 0, next = 0;
    const auto start = cpu_seconds();
    while (at < all.size()) {
      const auto n = std::min(size(next++), all.size() - at);
      stream.feed(std::string_view(all).substr(at, n), out);
      at += n;
      out.clear();
    }
    stream.finish(out);
    best = std::min(best, cpu_seconds() - start);
  }
  Measured result{best * 1e9 / static_cast<double>(events.size()), 0};
  redact::EventStream stream(rules, redact::EventFormat::server_sent);
  for (const auto& event : events) {
    std::string out;
    stream.feed(event, out);
    if (out != event) ++result.delayed;
  }
  return result;
}

} // namespace

int main() {
  const auto rules = redact::RuleSet::build({}).value();
  redact::RuleSetConfig config;
  for (int i = 0; i < 10; ++i) {
    config.known.push_back(
        {"s" + std::to_string(i), Secret("Zq" + std::to_string(i) + "known-secret-value"), false});
  }
  const auto with_known = redact::RuleSet::build(config).value();
  std::mt19937 random(1);
  const auto text = some_text(300000);
  std::printf("%-20s %12s %12s %12s %9s\n", "protocol", "event/read", "20-200 B", "10 secrets",
              "changed");
  for (const auto& protocol : test::protocols()) {
    std::vector<std::string> events;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t n = 1 + random() % 7;
      events.push_back(protocol.piece(text.substr(at, n)));
      at += n;
    }
    const auto each = [&](std::size_t i) { return i < events.size() ? events[i].size() : 1; };
    const auto small = [&](std::size_t) { return std::size_t{20 + random() % 180}; };
    const auto a = measure(rules, events, each), b = measure(rules, events, small),
               c = measure(with_known, events, each);
    std::printf("%-20s %9.0f ns %9.0f ns %9.0f ns %zu/%zu of %zu\n", protocol.name, a.ns, b.ns,
                c.ns, a.delayed, c.delayed, events.size());
  }
}
