#include "proxy/runtime/listeners.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

namespace sluice::runtime {
namespace {

constexpr int kBacklog = 4096;

std::vector<model::IpAddress> local_addresses() {
  std::vector<model::IpAddress> out;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return out;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (const auto found = io::endpoint_of(entry->ifa_addr)) out.push_back(found->address);
  }
  ::freeifaddrs(list);
  return out;
}

io::ErrorCode last_error() {
  return {errno, boost::system::system_category()};
}

// A reserved socket only fixes a port: it does not listen, so no connection can land on it. A probe
// shares with nobody: it finds out whether another process of this user listens there, with which
// SO_REUSEPORT would share every connection in silence.
enum class Purpose { probe, reserve, serve };

io::Acceptor open_acceptor(const io::Executor& executor, const io::ListenerSettings& listener,
                           Purpose purpose, io::ErrorCode& error) {
  const auto at = io::to_asio({listener.address, listener.port});
  io::Acceptor acceptor(executor);
  acceptor.open(at.protocol(), error);
  if (!error) acceptor.set_option(io::Acceptor::reuse_address(true), error);
  const int yes = 1;
  const int fd = acceptor.native_handle();
  if (!error && purpose != Purpose::probe &&
      ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) != 0) {
    error = last_error();
  }
  if (!error && listener.tproxy) {
    const bool v4 = listener.address.is_v4();
    const int failed = ::setsockopt(fd, v4 ? SOL_IP : SOL_IPV6,
                                    v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, &yes, sizeof yes);
    if (failed != 0) error = last_error();
  }
  if (!error) acceptor.bind(at, error);
  if (!error && purpose == Purpose::serve) acceptor.listen(kBacklog, error);
  return acceptor;
}

Error cannot_listen(const io::ListenerSettings& listener, const io::ErrorCode& why) {
  std::string where = "listener " + listener.name;
  if (!listener.adopted) where += ", " + io::Endpoint{listener.address, listener.port}.text();
  return make_error(Origin::config, "cannot_listen", where + ": " + why.message());
}

io::Tcp family_of(int fd) {
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  const bool known = ::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) == 0;
  return known && local.ss_family == AF_INET6 ? io::Tcp::v6() : io::Tcp::v4();
}

} // namespace

Result<> Listeners::reserve(std::vector<io::ListenerSettings>& listeners,
                            const std::vector<io::AdminAddress>& admin) {
  around_.addresses = local_addresses();
  for (const auto& one : admin) {
    if (const auto* here = std::get_if<io::Endpoint>(&one)) around_.listening.push_back(*here);
  }
  for (auto& listener : listeners) {
    const auto kind = std::string(call::to_string(listener.kind));
    if (listener.adopted) {
      bound_.push_back({listener.name, kind, "a socket made elsewhere"});
      continue;
    }
    io::ErrorCode error;
    if (listener.port != 0) {
      (void)open_acceptor(unused_.get_executor(), listener, Purpose::probe, error);
      if (error) return cannot_listen(listener, error);
    }
    auto acceptor = open_acceptor(unused_.get_executor(), listener, Purpose::reserve, error);
    if (error) return cannot_listen(listener, error);
    listener.port = acceptor.local_endpoint().port();
    const io::Endpoint here{listener.address, listener.port};
    around_.listening.push_back(here);
    // A socket bound to "any" answers on every address of this machine.
    if (here.is_any()) {
      for (const auto& address : around_.addresses) {
        around_.listening.push_back({address, listener.port});
      }
    }
    bound_.push_back({listener.name, kind, here.text()});
    reserved_.push_back(std::move(acceptor));
  }
  return success();
}

Result<> Listeners::give_to(io::Worker& worker, unsigned number, unsigned workers,
                            const std::vector<io::ListenerSettings>& listeners,
                            const std::vector<AdoptedSocket>& adopted) {
  for (const auto& listener : listeners) {
    if (!listener.adopted) {
      SLUICE_TRY(open_for(worker, number, listener));
    }
    unsigned streams = 0;
    for (const auto& one : adopted) {
      if (one.listener != listener.name) continue;
      io::ErrorCode error;
      const auto family = family_of(one.fd);
      if (one.role == AdoptedSocket::Role::udp) {
        if (number != 0) continue;
        io::UdpSocket socket(worker.executor());
        socket.assign(family == io::Tcp::v4() ? io::Udp::v4() : io::Udp::v6(), one.fd, error);
        if (!error) worker.add_dns_socket(listener, std::move(socket));
      } else if (streams++ % workers == number) {
        io::Acceptor acceptor(worker.executor());
        acceptor.assign(family, one.fd, error);
        if (!error) worker.add_listener(listener, std::move(acceptor));
      }
      if (error) return cannot_listen(listener, error);
    }
  }
  return success();
}

Result<> Listeners::open_for(io::Worker& worker, unsigned number,
                             const io::ListenerSettings& listener) {
  io::ErrorCode error;
  auto acceptor = open_acceptor(worker.executor(), listener, Purpose::serve, error);
  if (error) return cannot_listen(listener, error);
  worker.add_listener(listener, std::move(acceptor));
  if (listener.kind != call::ListenerKind::dns || number != 0) return success();
  // Datagrams are few and short: one worker answers them all.
  const auto at = io::to_asio({listener.address, listener.port});
  const io::Udp::endpoint here(at.address(), at.port());
  io::UdpSocket socket(worker.executor());
  socket.open(here.protocol(), error);
  if (!error) socket.bind(here, error);
  if (error) return cannot_listen(listener, error);
  worker.add_dns_socket(listener, std::move(socket));
  return success();
}

} // namespace sluice::runtime
