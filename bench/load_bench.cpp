// What it takes to load a policy of 2,000 rules with 100 hosts each, by groups and written out, and
// where the time goes: milliseconds of CPU, the least of several rounds, and the memory that the
// policy then holds. Prints a Markdown table. usage: bench_load [ROUNDS (5)]
#include "policy/base/document.hpp"
#include "policy/engine/compiled_engine.hpp"
#include "policy/engine/reference_engine.hpp"

#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

namespace {

using namespace sluice;

constexpr int kRules = 2'000, kHosts = 100;

double millis() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double held() { // MiB of the heap
  const auto info = ::mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd) / (1 << 20);
}

std::string host_list(int first) {
  std::string out;
  for (int i = 0; i < kHosts; ++i)
    out += (i == 0 ? "[h" : ", h") + std::to_string(first + i) + ".example.com";
  return out + ']';
}

std::string rule(int number, const std::string& hosts) {
  return "  - {name: r" + std::to_string(number) + ", allow: {hosts: " + hosts +
         ", methods: [GET], paths: [/v" + std::to_string(number) + "/**]}}\n";
}

std::string by_groups(int groups) {
  std::string out = "version: 1\nhosts:\n";
  for (int i = 0; i < groups; ++i)
    out += "  g" + std::to_string(i) + ": " + host_list(i * kHosts) + "\n";
  out += "egress:\n";
  for (int i = 0; i < kRules; ++i) out += rule(i, "[$g" + std::to_string(i % groups) + ']');
  return out;
}

std::string written_out() {
  std::string out = "version: 1\negress:\n";
  for (int i = 0; i < kRules; ++i) out += rule(i, host_list(i * kHosts));
  return out;
}

struct Times {
  double tree = 1e9, load = 1e9, reference = 1e9, compiled = 1e9, memory = 0;
};

void measure(const std::string& text, Times& out) {
  const auto took = [](double& best, double since) { best = std::min(best, millis() - since); };
  double since = millis();
  {
    Diagnostics problems;
    const auto tree = parse_document(text, "bench", problems);
    took(out.tree, since);
  }
  const double before = held();
  since = millis();
  auto load = engine::load_policy_text(text, "bench");
  took(out.load, since);
  if (!load.snapshot) {
    std::fputs(format(load.diagnostics).substr(0, 500).c_str(), stderr);
    std::exit(1);
  }
  out.memory = held() - before;
  since = millis();
  { const engine::ReferenceEngine reference(load.snapshot); }
  took(out.reference, since);
  since = millis();
  const auto compiled = std::make_unique<engine::CompiledEngine>(load.snapshot);
  took(out.compiled, since);
}

void row(const char* name, const std::string& text, int rounds) {
  Times best;
  for (int i = 0; i < rounds; ++i) measure(text, best);
  std::printf("| %s | %.1f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f |\n", name,
              static_cast<double>(text.size()) / 1e6, best.load, best.tree, best.load - best.tree,
              best.reference, best.compiled, best.memory);
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  int rounds = 5;
  if (argc > 1) std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), rounds);
  std::puts("| 2,000 rules with 100 hosts each | MB | load ms | of it the YAML | of it the rest | "
            "reference ms | compiled ms | policy MiB |\n|---|---:|---:|---:|---:|---:|---:|---:|");
  row("one group", by_groups(1), rounds);
  row("100 groups", by_groups(100), rounds);
  row("written out", written_out(), rounds);
}
