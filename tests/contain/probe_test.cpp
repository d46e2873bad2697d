// The probe against a box that is sealed, and against boxes that are not.
#include "tests/support/box_for_test.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdio>
#include <string>

using namespace sluice;
using namespace sluice::contain;
using namespace sluice::contain::test;

namespace {

using Clock = std::chrono::steady_clock;

long long milliseconds_since(Clock::time_point began) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count();
}

// Nothing where the kernel has no namespaces for us: box_test says why.
std::optional<ProbeReport> probed(const Faults& faults, const BoxOptions& options = {},
                                  const std::string& answer = kSidecar) {
  (void)block_control_signals();
  const auto began = Clock::now();
  auto box = Box::create(options, faults);
  if (!box) return std::nullopt;
  const auto made = milliseconds_since(began);
  Answerer answerer(box.value()->take_sockets(), answer);
  const auto asked = Clock::now();
  auto report = box.value()->probe();
  BOOST_REQUIRE(report.has_value());
  std::fprintf(stderr, "box %lld ms, probe %lld ms, %zu checks\n", made, milliseconds_since(asked),
               report.value().checks.size());
  return report.value();
}

bool failed(const ProbeReport& report, const std::string& name) {
  for (const auto& one : report.checks) {
    if (one.name == name) return !one.ok;
  }
  BOOST_ERROR("no check named " + name);
  return false;
}

} // namespace

BOOST_AUTO_TEST_SUITE(probe)

BOOST_AUTO_TEST_CASE(an_empty_report_proves_nothing) {
  ProbeReport report;
  BOOST_TEST(!report.holds());
  report.complete = true;
  BOOST_TEST(!report.holds());
  report.checks.push_back({"a", "b", "c", true});
  BOOST_TEST(report.holds());
  report.checks.push_back({"tcp to x", "refused", "connected", false});
  BOOST_TEST(!report.holds());
  BOOST_TEST(report.failures() == "tcp to x: expected refused, got connected");
  report.checks.pop_back();
  report.complete = false;
  BOOST_TEST(!report.holds());
}

BOOST_AUTO_TEST_CASE(a_sealed_box_holds) {
  const auto report = probed({});
  if (!report) return;
  BOOST_TEST(report->holds(), report->failures());
  BOOST_TEST(report->checks.size() > 20U);
}

BOOST_AUTO_TEST_CASE(a_box_without_ipv6_holds) {
  Faults faults;
  faults.no_ipv6 = true;
  const auto report = probed(faults);
  if (!report) return;
  BOOST_TEST(report->holds(), report->failures());
}

BOOST_AUTO_TEST_CASE(lost_rules_are_found) {
  Faults faults;
  faults.no_rules = true;
  const auto report = probed(faults);
  if (!report) return;
  for (const char* name : {"tcp to 192.0.2.1:80", "tcp to 192.0.2.1:443", "tcp to [2001:db8::1]:80",
                           "tcp to 127.0.0.1:15006", "dns to 192.0.2.1:53"}) {
    BOOST_TEST(failed(*report, name), name);
  }
}

BOOST_AUTO_TEST_CASE(somebody_else_answering_is_found) {
  const auto report =
      probed({}, {}, "HTTP/1.1 200 OK\r\nServer: x\r\n\r\nx-sluice-decision: allow\r\n");
  if (!report) return;
  BOOST_TEST(failed(*report, "tcp to 192.0.2.1:80"));
  BOOST_TEST(!failed(*report, "dns to 192.0.2.1:53"));
}

BOOST_AUTO_TEST_CASE(a_silent_sidecar_is_found) {
  const auto report = probed({}, {}, "");
  if (!report) return;
  BOOST_TEST(failed(*report, "tcp to 192.0.2.1:80"));
}

BOOST_AUTO_TEST_CASE(kept_privileges_are_found) {
  Faults faults;
  faults.keep_privileges = true;
  const auto report = probed(faults);
  if (!report) return;
  for (const char* name : {"capabilities", "raw ICMP socket", "packet socket"})
    BOOST_TEST(failed(*report, name), name);
}

BOOST_AUTO_TEST_CASE(a_visible_secret_is_found) {
  Faults faults;
  faults.show_hidden = true;
  BoxOptions options;
  options.hidden = {"/usr/bin/env"}; // open to everybody
  const auto report = probed(faults, options);
  if (!report) return;
  BOOST_TEST(failed(*report, "hidden paths"));
}

BOOST_AUTO_TEST_SUITE_END()
