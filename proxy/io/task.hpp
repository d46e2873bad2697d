// The coroutine vocabulary of proxy/io: one executor type, one task type, one token. Socket errors
// are values, never exceptions. House rule (g++ 12): nothing is constructed on a line with
// co_await.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>

namespace sluice::io {

namespace net = boost::asio;
using ErrorCode = boost::system::error_code;
using Executor = net::io_context::executor_type;
using Tcp = net::ip::tcp;
using Socket = net::basic_stream_socket<Tcp, Executor>;
using Acceptor = net::basic_socket_acceptor<Tcp, Executor>;
using Udp = net::ip::udp;
using UdpSocket = net::basic_datagram_socket<Udp, Executor>;
using Timer = net::basic_waitable_timer<std::chrono::steady_clock,
                                        net::wait_traits<std::chrono::steady_clock>, Executor>;
template <class T = void> using Task = net::awaitable<T, Executor>;
inline constexpr net::as_tuple_t<net::use_awaitable_t<Executor>> use_task{}; // socket operations
inline constexpr net::use_awaitable_t<Executor> use_value{};                 // our own

struct IoResult {
  ErrorCode error;
  std::size_t bytes = 0;
};

// Lets one coroutine of a worker wait for another. Not a lock: both are on the same thread.
class Signal {
 public:
  explicit Signal(const Executor& executor) : timer_(executor) {}
  void notify() { timer_.cancel(); }
  // Wakes on notify() or after `at_most`, whichever is first. The caller checks its condition
  // again.
  Task<> wait(std::chrono::milliseconds at_most = std::chrono::minutes(10)) {
    timer_.expires_after(at_most);
    co_await timer_.async_wait(use_task);
  }

 private:
  Timer timer_;
};

} // namespace sluice::io
