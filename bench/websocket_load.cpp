// An upstream that streams events of a model over WebSockets, a message each and at a steady pace,
// and the agents that read them: how long a message is under way. The upstream listens on --sink;
// agents connect to --to, which leads there. Two threads, bounded in time. Prints one line of JSON;
// a "call" is a message. Exits 1 when one is lost or changed.
//
//   websocket_load --to 127.0.0.1:7000 --sink 127.0.0.1:7001 --host NAME [--connections 8]
//                  [--rate 4000] [--seconds 5]

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "websocket_load: %s\n", what);
  std::exit(1);
}

sockaddr_in address(const std::string& text) {
  sockaddr_in at{};
  const auto colon = text.find(':');
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1)));
  if (colon == text.npos || ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &at.sin_addr) != 1)
    fail("not IP:PORT");
  return at;
}

void no_delay(int socket) {
  const int yes = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

void send_all(int socket, const std::string& bytes) {
  if (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(bytes.size()))
    fail("a write fell short");
}

std::string read_head(int socket) {
  std::string head;
  char one = 0;
  while (!head.ends_with("\r\n\r\n")) {
    if (::recv(socket, &one, 1, 0) != 1) fail("no handshake");
    head += one;
  }
  return head;
}

std::string accept_of(const std::string& head) {
  const std::string name = "sec-websocket-key: ";
  std::string lower = head;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto at = lower.find(name);
  if (at == head.npos) fail("no key");
  const auto key = head.substr(at + name.size(), 24) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char hash[EVP_MAX_MD_SIZE], text[64];
  EVP_Digest(key.data(), key.size(), hash, nullptr, EVP_sha1(), nullptr);
  EVP_EncodeBlock(text, hash, 20);
  return reinterpret_cast<char*>(text);
}

constexpr std::size_t kDigits = 18;
const std::string kBefore = R"({"type":"response.text.delta","event_id":"event_)";
const std::string kAfter = R"(","response_id":"resp_001","item_id":"msg_001","output_index":0,)"
                           R"("content_index":0,"delta":" word"})";

std::string event(std::int64_t now) {
  const auto digits = std::to_string(now);
  const auto text = kBefore + std::string(kDigits - digits.size(), '0') + digits + kAfter;
  std::string out = "\x81\x7e";
  out += static_cast<char>(text.size() >> 8);
  out += static_cast<char>(text.size());
  return out + text;
}

std::int64_t nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

void serve(int listener, int connections, int rate, Clock::time_point until, std::uint64_t& sent) {
  std::vector<int> all;
  for (int i = 0; i < connections; ++i) {
    all.push_back(::accept(listener, nullptr, nullptr));
    no_delay(all.back());
    const auto head = read_head(all.back());
    send_all(all.back(), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                         "Upgrade\r\nSec-WebSocket-Accept: " +
                             accept_of(head) + "\r\n\r\n");
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const auto pace = std::chrono::nanoseconds(1'000'000'000 / rate);
  for (auto next = Clock::now(); next < until; next += pace) {
    std::this_thread::sleep_until(next);
    send_all(all[sent++ % all.size()], event(nanoseconds()));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  for (const int one : all) ::close(one);
}

struct Agent {
  int socket = -1;
  std::string bytes;
};

void take(Agent& agent, std::vector<double>& under_way) {
  char block[16384];
  const auto got = ::recv(agent.socket, block, sizeof block, 0);
  if (got <= 0) {
    agent.socket = -1;
    return;
  }
  const auto now = nanoseconds();
  agent.bytes.append(block, static_cast<std::size_t>(got));
  const auto size = event(0).size();
  std::size_t at = 0;
  for (; agent.bytes.size() - at >= size; at += size) {
    if (agent.bytes.compare(at, 2, "\x81\x7e") != 0) break; // a close
    const auto text = agent.bytes.substr(at + 4, size - 4);
    if (!text.starts_with(kBefore) || !text.ends_with(kAfter)) fail("a message was changed");
    under_way.push_back(
        static_cast<double>(now - std::strtoll(text.c_str() + kBefore.size(), nullptr, 10)) / 1e3);
  }
  agent.bytes.erase(0, at);
}

double at_rank(std::vector<double>& all, double rank) {
  const auto index = static_cast<std::size_t>(rank * static_cast<double>(all.size() - 1));
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(index), all.end());
  return all[index];
}

} // namespace

int main(int argc, char** argv) {
  std::string to, sink, host = "localhost";
  int connections = 8, seconds = 5, rate = 4000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i];
    if (key == "--to") to = argv[i + 1];
    if (key == "--sink") sink = argv[i + 1];
    if (key == "--host") host = argv[i + 1];
    if (key == "--connections") connections = std::atoi(argv[i + 1]);
    if (key == "--rate") rate = std::atoi(argv[i + 1]);
    if (key == "--seconds") seconds = std::atoi(argv[i + 1]);
  }
  const auto target = address(to), here = address(sink);
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) fail("bind");
  ::listen(listener, 64);
  std::uint64_t sent = 0;
  const auto until = Clock::now() + std::chrono::seconds(seconds);
  std::thread upstream(serve, listener, connections, rate, until, std::ref(sent));
  std::vector<Agent> agents;
  for (int i = 0; i < connections; ++i) {
    Agent& agent = agents.emplace_back();
    agent.socket = ::socket(AF_INET, SOCK_STREAM, 0);
    if (::connect(agent.socket, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0)
      fail("connect");
    no_delay(agent.socket);
    send_all(agent.socket, "GET /stream HTTP/1.1\r\nHost: " + host +
                               "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Version: 13\r\n"
                               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    if (!read_head(agent.socket).starts_with("HTTP/1.1 101")) fail("not switched");
  }
  std::vector<double> under_way;
  std::vector<pollfd> waiting(agents.size());
  for (bool open = true; open;) {
    for (std::size_t i = 0; i < agents.size(); ++i) waiting[i] = {agents[i].socket, POLLIN, 0};
    ::poll(waiting.data(), waiting.size(), 1000);
    open = false;
    for (std::size_t i = 0; i < agents.size(); ++i) {
      if (waiting[i].revents != 0 && agents[i].socket >= 0) take(agents[i], under_way);
      open = open || agents[i].socket >= 0;
    }
  }
  upstream.join();
  if (under_way.size() != sent) fail("messages were lost");
  std::printf("{\"calls\": %llu, \"per_second\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
              static_cast<unsigned long long>(sent), static_cast<double>(sent) / seconds,
              at_rank(under_way, 0.5), at_rank(under_way, 0.99));
  return 0;
}
