// Pushes bytes through a TCP relay as fast as it takes them: a sink listens on --sink, connections
// go to --to, which relays them there. Two threads, bounded in time. Prints one line of JSON; a
// "call" is a MiB that arrived. Exits 1 when nothing arrives.
//
//   relay_load --to 127.0.0.1:7000 --sink 127.0.0.1:7001 [--connections 4] [--seconds 5]

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kBlock = 256 * 1024;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_in address(const std::string& text) {
  sockaddr_in at{};
  const auto colon = text.find(':');
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1)));
  if (colon == text.npos ||
      ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &at.sin_addr) != 1) {
    std::fprintf(stderr, "relay_load: not IP:PORT: %s\n", text.c_str());
    std::exit(2);
  }
  return at;
}

// Reads and forgets whatever comes in, from any number of connections.
void run_sink(int listener, const std::atomic<bool>& over, std::atomic<std::uint64_t>& arrived) {
  std::vector<pollfd> all{{listener, POLLIN, 0}};
  std::vector<char> block(kBlock);
  while (!over) {
    if (::poll(all.data(), all.size(), 50) <= 0) continue;
    if (all[0].revents & POLLIN) all.push_back({::accept(listener, nullptr, nullptr), POLLIN, 0});
    for (std::size_t i = 1; i < all.size(); ++i) {
      if (all[i].revents == 0) continue;
      const auto got = ::recv(all[i].fd, block.data(), block.size(), MSG_TRUNC);
      if (got > 0) arrived += static_cast<std::uint64_t>(got);
      if (got <= 0) all[i].fd = -1;
    }
  }
}

void push(std::vector<int> connections, const std::atomic<bool>& over) {
  const std::vector<char> block(kBlock, 'x');
  std::vector<pollfd> all;
  for (const int one : connections) all.push_back({one, POLLOUT, 0});
  while (!over) {
    if (::poll(all.data(), all.size(), 50) <= 0) continue;
    for (auto& one : all) {
      if ((one.revents & POLLOUT) == 0) continue;
      if (::send(one.fd, block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
          errno != EAGAIN)
        one.fd = -1;
    }
  }
}

} // namespace

int main(int argc, char** argv) {
  std::string to, sink;
  int connections = 4, seconds = 5;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i];
    if (key == "--to") to = argv[i + 1];
    if (key == "--sink") sink = argv[i + 1];
    if (key == "--connections") connections = std::atoi(argv[i + 1]);
    if (key == "--seconds") seconds = std::atoi(argv[i + 1]);
  }
  const auto target = address(to), here = address(sink);
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) fail("bind");
  ::listen(listener, 64);
  std::vector<int> all;
  for (int i = 0; i < connections; ++i) {
    all.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    if (::connect(all.back(), reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0)
      fail("connect");
  }
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> arrived{0};
  const auto started = Clock::now();
  std::thread reader(run_sink, listener, std::cref(over), std::ref(arrived));
  std::thread writer(push, all, std::cref(over));
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  const double took = std::chrono::duration<double>(Clock::now() - started).count();
  over = true;
  reader.join();
  writer.join();
  const auto mib = arrived.load() >> 20U;
  std::printf("{\"calls\": %llu, \"per_second\": %.1f, \"p50_us\": 0, \"p99_us\": 0}\n",
              static_cast<unsigned long long>(mib), static_cast<double>(mib) / took);
  return mib > 0 ? 0 : 1;
}
