#include "proxy/contain/door.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <utility>

namespace sluice::contain {
namespace {

constexpr int kPatience = 1'000; // ms: on loopback only a full queue takes any time

// 0, or why not.
int finish_connecting(int fd) {
  pollfd waiting{fd, POLLOUT, 0};
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, kPatience);
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return errno;
  if (ready == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

template <class Address> std::pair<UniqueFd, int> connect_to(const Address& address, int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return {UniqueFd(), errno};
  const int begun =
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = begun == 0 ? 0 : errno == EINPROGRESS ? finish_connecting(fd.get()) : errno;
  if (error != 0) return {UniqueFd(), error};
  (void)::fcntl(fd.get(), F_SETFL, 0);
  return {std::move(fd), 0};
}

std::pair<UniqueFd, int> connect_loopback(std::uint16_t port) {
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto first = connect_to(four, AF_INET);
  if (first.second == 0) return first;
  sockaddr_in6 six{}; // programs that bind "localhost" may mean this
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  six.sin6_addr = in6addr_loopback;
  auto second = connect_to(six, AF_INET6);
  return second.second == 0 ? std::move(second) : std::move(first);
}

std::uint16_t port_of(const std::string& text) {
  std::uint16_t port = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

} // namespace

void answer_door(const Channel& line) {
  while (auto asked = line.receive()) {
    if (asked->word != Word::dial) return;
    const auto [fd, error] = connect_loopback(port_of(asked->text));
    const bool told = error == 0 ? line.send(Word::dialled, "", fd.get())
                                 : line.send(Word::failed, std::to_string(error));
    if (!told) return;
  }
}

Result<UniqueFd> dial_through(const Channel& line, std::uint16_t port) {
  auto answer = line.send(Word::dial, std::to_string(port)) ? line.receive() : std::nullopt;
  if (!answer) return make_error(Origin::upstream, "box_ended", "the program's box has ended");
  if (answer->word == Word::dialled && answer->fd.valid()) return std::move(answer->fd);
  const int error = port_of(answer->text);
  return make_error(Origin::upstream, error == ETIMEDOUT ? "connect_timeout" : "connection_refused",
                    "port " + std::to_string(port) + ": " + std::strerror(error));
}

} // namespace sluice::contain
