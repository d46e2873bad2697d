// CPU time per message of a pipe of messages: events of a model (140 bytes, joined) and texts of
// 1 KiB, from a server and from a client, plain and compressed, with all formats and 10 known
// secrets. Prints nanoseconds per message.
#include "proxy/call/message_pipe.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace {

using namespace sluice;
using call::MessagePipe;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::shared_ptr<const redact::RuleSet> rules(int known) {
  redact::RuleSetConfig config;
  for (int i = 0; i < known; ++i) {
    config.known.push_back(
        {"s" + std::to_string(i), Secret("known-secret-" + std::to_string(i * 7919)), false});
  }
  return redact::RuleSet::build(config).value();
}

std::vector<std::string> framed(const MessagePipe::Config& how,
                                const std::vector<std::string>& texts) {
  wire::MessageWriter writer(how.from, how.deflate);
  std::vector<std::string> out;
  for (const auto& text : texts) {
    std::string one;
    writer.begin(wire::Opcode::text, how.deflate ? wire::MessageWriter::Payload::deflate
                                                 : wire::MessageWriter::Payload::plain);
    writer.end(text, one);
    out.push_back(std::move(one));
  }
  return out;
}

void measure(const char* name, const MessagePipe::Config& how,
             const std::vector<std::string>& texts) {
  const auto frames = framed(how, texts);
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    MessagePipe pipe(how);
    std::string out;
    const auto started = cpu_seconds();
    for (const auto& frame : frames) {
      out.clear();
      if (pipe.feed(frame, out)) std::abort();
    }
    best = std::min(best, cpu_seconds() - started);
  }
  std::printf("%-28s %7.0f ns\n", name, best * 1e9 / static_cast<double>(frames.size()));
}

} // namespace

int main() {
  std::vector<std::string> events, texts;
  for (int i = 0; i < 20'000; ++i) {
    events.push_back("{\"type\":\"response.text.delta\",\"event_id\":\"event_" +
                     std::to_string(100'000 + i) +
                     "\",\"response_id\":\"resp_1\",\"item_id\":\"msg_1\",\"delta\":\" word\"}");
    std::string text = "{\"n\":" + std::to_string(i) + ",\"text\":\"";
    while (text.size() < 1000) text += "some words of a longer text, ";
    texts.push_back(text + "\"}");
  }
  for (const int known : {0, 10}) {
    std::printf("%d known secrets\n", known);
    MessagePipe::Config server;
    server.from = wire::WebSocketPeer::server;
    server.rules = rules(known);
    server.joins_events = true;
    MessagePipe::Config client = server;
    client.from = wire::WebSocketPeer::client;
    client.joins_events = false;
    auto packed = server;
    packed.deflate.emplace();
    auto relayed = server;
    relayed.rules = nullptr;
    measure("an event, joined", server, events);
    measure("an event, compressed", packed, events);
    measure("1 KiB of a client", client, texts);
    measure("1 KiB of a server, JSON", server, texts);
    measure("1 KiB, compressed", packed, texts);
    measure("1 KiB, not redacted", relayed, texts);
  }
  return 0;
}
