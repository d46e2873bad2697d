// CPU time per call of the machine between two connections, without I/O: a request and an answer of
// so many bytes, redacted with all formats, with and without the digests of both bodies. Prints
// nanoseconds per call; the two are interleaved, and the best round of each counts.
#include "proxy/call/call_machine.hpp"
#include "tests/support/permit_for_test.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

namespace {

using namespace sluice;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

call::CallContext context(call::DigestKey key) {
  static const auto rules = redact::RuleSet::build({}).value();
  call::CallContext out;
  out.from.listener = "egress";
  out.run_id = "run-1";
  out.call_id = "call-1";
  out.redaction.everywhere = out.redaction.credentials = rules;
  out.digest_key = std::move(key);
  return out;
}

wire::RequestHead request(const std::string& body) {
  wire::RequestHead head;
  head.method = "POST";
  head.target = "http://api.test/v1/chat";
  head.framing = wire::BodyFraming::length;
  head.content_length = body.size();
  head.keep_alive = true;
  head.fields.add("Host", "api.test");
  return head;
}

// Body bytes come as they are read: up to 64 KiB at a time.
template <class Received>
void feed(call::CallMachine& machine, const std::string& body, call::Actions& actions) {
  constexpr std::size_t kRead = 64 * 1024;
  for (std::string_view rest = body; !rest.empty();
       rest.remove_prefix(std::min(kRead, rest.size()))) {
    machine.on(Received{rest.substr(0, kRead)}, actions);
    actions.clear();
  }
}

void one_call(const std::string& body, const call::DigestKey& key) {
  call::CallMachine machine(context(key));
  call::Actions actions;
  test::Ending ending;
  machine.on(call::RequestHeadReceived{request(body)}, actions);
  auto asked = std::move(std::get<call::AskGate>(actions.at(0)).call);
  machine.on(call::Admitted{test::permit_for_test(test::permit_facts(std::move(asked)), ending)},
             actions);
  machine.on(call::UpstreamOpened{}, actions);
  feed<call::RequestBodyReceived>(machine, body, actions);
  machine.on(call::RequestEnded{}, actions);
  call::ResponseHeadReceived answer;
  answer.head.status = 200;
  answer.head.framing = wire::BodyFraming::length;
  answer.head.content_length = body.size();
  answer.head.keep_alive = true;
  machine.on(std::move(answer), actions);
  feed<call::ResponseBodyReceived>(machine, body, actions);
  machine.on(call::ResponseEnded{}, actions);
  const bool digested = !ending.outcome->response_body.after.empty();
  if (ending.closings != 1 || digested != (key && !body.empty())) std::abort();
}

double nanoseconds(const std::string& body, const call::DigestKey& key, int calls) {
  const auto started = cpu_seconds();
  for (int i = 0; i < calls; ++i) one_call(body, key);
  return (cpu_seconds() - started) * 1e9 / calls;
}

} // namespace

int main() {
  const auto key = std::make_shared<const std::string>(32, 'k');
  std::printf("%10s %12s %12s %10s\n", "bytes", "ns", "digested", "more");
  for (const std::size_t size : {0U, 1024U, 16U * 1024, 256U * 1024, 4U * 1024 * 1024}) {
    std::string body;
    while (body.size() < size) body += "some words of a longer text, ";
    body.resize(size);
    const int calls = static_cast<int>(std::max<std::size_t>(10, 20'000'000 / (size + 1000)));
    double without = 1e18, with = 1e18;
    for (int round = 0; round < 7; ++round) {
      without = std::min(without, nanoseconds(body, nullptr, calls));
      with = std::min(with, nanoseconds(body, key, calls));
    }
    std::printf("%10zu %12.0f %12.0f %10.0f\n", size, without, with, with - without);
  }
  return 0;
}
