#include "proxy/contain/channel.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace sluice::contain {
namespace {

// The kernel takes no argument or variable of more than 128 KiB.
constexpr std::size_t kLongest = std::size_t{160} << 10;

UniqueFd descriptor_of(msghdr& header) {
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(item), sizeof fd);
    return UniqueFd(fd);
  }
  return UniqueFd();
}

} // namespace

Result<std::pair<Channel, Channel>> Channel::make_pair() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return make_error(Origin::internal, "containment_unavailable",
                      std::string("socketpair: ") + std::strerror(errno));
  }
  std::pair<Channel, Channel> both;
  both.first.fd_ = UniqueFd(ends[0]);
  both.second.fd_ = UniqueFd(ends[1]);
  return both;
}

bool Channel::send(Word word, std::string_view text, int fd) const {
  char first = static_cast<char>(word);
  iovec parts[2] = {{&first, 1}, {const_cast<char*>(text.data()), text.size()}};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  if (fd >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(item), &fd, sizeof fd);
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(fd_.get(), &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(text.size() + 1);
}

std::optional<Message> Channel::receive() const {
  std::string bytes(kLongest, '\0');
  iovec part = {bytes.data(), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t got = 0;
  do {
    got = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 1 || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return std::nullopt;
  Message message;
  message.word = static_cast<Word>(bytes.front());
  message.text = bytes.substr(1, static_cast<std::size_t>(got) - 1);
  message.fd = descriptor_of(header);
  return message;
}

} // namespace sluice::contain
