// What a decision costs by the number of rules, the reference engine and the compiled one side by
// side: p50 and p99 in nanoseconds of CPU of the same calls, each many times in a row; the mean
// when each is made once after the other, which finds less in the caches; allocations for each
// decision, and how long the index takes to make. Half of the calls go to hosts of the policy, and
// most of those match. Prints a Markdown table. usage: bench_policy [ROUNDS (5)]
#include "policy/engine/compiled_engine.hpp"
#include "policy/engine/reference_engine.hpp"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <random>
#include <string>
#include <vector>

namespace {
std::size_t allocations = 0; // there is one thread
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* out = std::malloc(size)) return out;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace {

using namespace sluice;

constexpr std::size_t kCalls = 2'000;
constexpr int kFewCalls = 500;
constexpr int kTimes = 64;

std::uint64_t nanos() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// ---- policies ----------------------------------------------------------------------------------

// Rules as people write them, in turn; the number makes each about a host of its own, mostly.
std::string mixed_rule(int i) {
  const std::string n = std::to_string(i);
  switch (i % 10) {
  case 0:
    return "{name: r" + n + ", allow: {hosts: [api" + n + ".example.com, \"*.svc" + n +
           ".example.net\"], ports: [443], methods: [GET, POST], paths: [\"/v1/**\"]}, "
           "limits: {request_body: 10MiB}}";
  case 1: return "{allow: {hosts: [host" + n + ".example.org], ports: [443, \"8000-8100\"]}}";
  case 2:
    return "{allow: {hosts: [git.example.com], methods: [GET], paths: [\"/repos/team" + n +
           "/*/issues\", \"/repos/team" + n + "/**\"]}, redact: [pii]}";
  case 3: return "{block: {hosts: [\"*.bad" + n + ".test\"]}, reason: known bad}";
  case 4: return "{allow: {hosts: [\"eu-*.region" + n + ".example.com\"], schemes: [https]}}";
  case 5:
    return "{block: {hosts: [host" + std::to_string(i - 4) + ".example.org], methods: [DELETE]}}";
  case 6:
    return "{require_approval: {hosts: [git.example.com], methods: [POST], paths: [\"/repos/team" +
           std::to_string(i - 4) + "/*/merge\"]}}";
  case 7:
    return "{allow: {hosts: [198.18." + std::to_string(i / 10 % 256) + ".0/24], ports: [80]}}";
  case 8: return "{block: {hosts: [\"**\"], paths: [\"/admin" + n + "/**\"]}}";
  default: return "{allow: {hosts: [try" + n + ".example.com]}, mode: report}";
  }
}

// The hardest for an index of hosts: every rule is about all of them.
std::string every_host_rule(int i) {
  return "{block: {hosts: [\"**\"], methods: [POST], paths: [\"/area" + std::to_string(i) +
         "/*/delete\"]}}";
}

// What no index knows: each rule of the host is asked about these.
std::string given_rule(int i) {
  const std::string n = std::to_string(i);
  return "{allow: {hosts: [api" + n + ".example.com, \"*.example.org\"], agents: [\"team" + n +
         "-*\"], sessions: ['re:s-[0-9]+'], time: [\"mon-fri 08:00-18:00\", \"22:00-06:00\"], sni: "
         "[\"*.example.com\", \"*.example.org\"], address_classes: [global]}}";
}

std::string document(int rules, const std::function<std::string(int)>& rule) {
  std::string out = "version: 1\negress:\n";
  for (int i = 1; i < rules; ++i) out += "  - " + rule(i - 1) + "\n";
  return out + "  - {name: all, allow: {hosts: [\"**\"], methods: [HEAD, POST]}}\n";
}

std::vector<model::EgressCall> calls(int rules) {
  std::mt19937 random(7);
  std::vector<model::EgressCall> out;
  while (out.size() < kCalls) {
    const int i = static_cast<int>(random() % static_cast<unsigned>(std::max(1, rules / 10))) * 10;
    const auto n = [](int number) { return std::to_string(number); };
    const std::string targets[] = {
        "https://api" + n(i) + ".example.com/v1/chat/completions",
        "https://a.svc" + n(i) + ".example.net/v1/files/17",
        "https://host" + n(i + 1) + ".example.org/some/path",
        "https://git.example.com/repos/team" + n(i + 2) + "/sluice/issues",
        "https://eu-west.region" + n(i + 4) + ".example.com/",
        "https://unknown" + n(i) + ".example.com/x",
        "https://cdn.elsewhere.test/area" + n(i) + "/x/delete",
        "https://www.bad" + n(i + 3) + ".test/",
        "http://plain.elsewhere.test/index.html",
        "https://api" + n(i) + ".example.com/v2/other",
    };
    const auto target = model::parse_target(targets[random() % std::size(targets)]).value();
    auto& call = out.emplace_back();
    call.to = *target.absolute;
    call.path = target.path;
    call.method = random() % 2 == 0 ? "GET" : "POST";
    call.given.actor = std::make_shared<const model::Actor>(model::Actor{"team10-7", "s-1"});
    call.given.unix_seconds = 1'780'322'400; // Monday, 2026-06-01, 14:00
    call.sni = call.to.host.text();
  }
  return out;
}

// ---- measuring ---------------------------------------------------------------------------------

struct Figures {
  double p50 = 0, p99 = 0, in_turn = 0, allocated = 0, allocated_by_copy = 0;
};

// Each call several times between two looks at the clock, which cost more than some decisions.
Figures measure(const engine::Engine& engine, const std::vector<model::EgressCall>& calls,
                int rounds, int times) {
  std::vector<double> each;
  std::size_t allowed = 0;
  for (int round = 0; round <= rounds; ++round) { // the first one warms up
    for (const auto& call : calls) {
      const std::uint64_t start = nanos();
      for (int i = 0; i < times; ++i) allowed += engine.decide(call).allowed() ? 1 : 0;
      if (round > 0) each.push_back(static_cast<double>(nanos() - start) / times);
    }
  }
  if (allowed == 0) std::abort(); // nothing was measured that matters
  std::sort(each.begin(), each.end());
  Figures out{each[each.size() / 2], each[each.size() * 99 / 100], 0, 0, 0};
  const auto share = [&](std::size_t since) {
    return static_cast<double>(allocations - since) / static_cast<double>(calls.size());
  };
  std::size_t before = allocations;
  const std::uint64_t begin = nanos();
  for (const auto& call : calls) engine.decide(call);
  out.in_turn = static_cast<double>(nanos() - begin) / static_cast<double>(calls.size());
  out.allocated = share(before);
  std::vector<model::Decision> decisions;
  for (const auto& call : calls) decisions.push_back(engine.decide(call));
  before = allocations;
  for (const auto& decision : decisions) const model::Decision copy(decision);
  out.allocated_by_copy = share(before);
  return out;
}

void row(const char* kind, int rules, const std::function<std::string(int)>& rule, int rounds) {
  const auto load = engine::load_policy_text(document(rules, rule), "bench");
  if (!load.snapshot) {
    std::fputs(format(load.diagnostics).c_str(), stderr);
    std::exit(1);
  }
  const auto asked = calls(rules);
  const engine::ReferenceEngine reference(load.snapshot);
  const std::uint64_t start = nanos();
  const engine::CompiledEngine compiled(load.snapshot);
  const double built = static_cast<double>(nanos() - start) / 1e6;
  // The reference takes so long that fewer calls tell.
  const std::vector<model::EgressCall> few(asked.begin(), asked.begin() + kFewCalls);
  const Figures slow =
      rules > 100 ? measure(reference, few, 1, 1) : measure(reference, asked, rounds, kTimes);
  const Figures fast = measure(compiled, asked, rounds, kTimes);
  std::printf("| %s | %d | %.0f | %.0f | %.2f | %.0f | %.0f | %.0f | %.2f | %.2f | %.1f |\n", kind,
              rules, slow.p50, slow.p99, slow.allocated, fast.p50, fast.p99, fast.in_turn,
              fast.allocated, fast.allocated_by_copy, built);
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  int rounds = 5;
  if (argc > 1) std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), rounds);
  std::puts(
      "| policy | rules | reference p50 ns | p99 | allocations | compiled p50 ns | p99 | in turn | "
      "allocations | of these the Decision's own | index ms |\n"
      "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
  for (const int rules : {10, 100, 1'000, 10'000}) row("mixed", rules, mixed_rule, rounds);
  for (const int rules : {1'000, 10'000}) row("every host", rules, every_host_rule, rounds);
  for (const int rules : {100, 1'000}) row("agents, times", rules, given_rule, rounds);
}
