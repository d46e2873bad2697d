#include "proxy/io/upstream_socket.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace sluice::io {

ErrorCode open_upstream_socket(Socket& socket, const Tcp::endpoint& to, const Settings& settings,
                               OwnPorts& own_ports, OwnPorts::Entry& own_port) {
  ErrorCode error;
  socket.open(to.protocol(), error);
  if (error) return error;
  const auto mark = settings.mark;
  if (mark != 0 &&
      ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) {
    return {errno, boost::system::system_category()};
  }
  if (!settings.captures()) return error;
  socket.bind(Tcp::endpoint(to.protocol(), 0), error);
  if (error) return error;
  const auto local = socket.local_endpoint(error);
  if (!error) own_port = OwnPorts::Entry(own_ports, local.port());
  return error;
}

} // namespace sluice::io
