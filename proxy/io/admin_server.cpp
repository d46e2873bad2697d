#include "proxy/io/admin_server.hpp"

#include "policy/base/unique_fd.hpp"
#include "proxy/io/task.hpp"
#include "proxy/wire/http1.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <exception>
#include <thread>
#include <utility>

namespace sluice::io {
namespace {

using Generic = net::generic::stream_protocol;
using AdminSocket = net::basic_stream_socket<Generic, Executor>;

constexpr auto kLastAnswers = std::chrono::seconds(1); // at the end
constexpr auto kWithin = std::chrono::seconds(10);     // a whole exchange
constexpr auto kLockWithin = std::chrono::seconds(2);
constexpr std::size_t kMaxBody = 64 * 1024;
constexpr int kBacklog = 64;
// People and a health check; who opens more holds a descriptor and a timer each for kWithin.
constexpr std::size_t kMaxConnections = 32;

Error cannot_listen(const std::string& where, int error) {
  return make_error(Origin::config, "cannot_listen", where + ": " + std::strerror(error));
}

struct Listening {
  int fd = -1;
  bool may_change = false;
  std::string path; // to remove at the end; "" for TCP
  dev_t device = 0; // which file is ours: somebody may put another one there
  ino_t inode = 0;
};

// A lock beside the socket, held while one looks whether somebody listens and takes the place: of
// two that start at once the second one sees the first. Its file stays, because who removes it lets
// a third one lock a new file while the second one holds the old one.
UniqueFd lock_beside(const std::string& path) {
  UniqueFd lock(::open((path + ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid()) return lock;
  // Held for an instant only, unless somebody means ill.
  const auto until = std::chrono::steady_clock::now() + kLockWithin;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() >= until) return UniqueFd();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return lock;
}

bool is_ours(const Listening& one) {
  struct stat found {};
  return ::lstat(one.path.c_str(), &found) == 0 && found.st_dev == one.device &&
         found.st_ino == one.inode;
}

bool somebody_listens(const sockaddr_un& at) {
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool there = ::connect(probe, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  ::close(probe);
  return there;
}

Result<Listening> listen_at(const std::string& path) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (path.size() >= sizeof at.sun_path) return cannot_listen(path, ENAMETOOLONG);
  path.copy(at.sun_path, path.size());
  const UniqueFd lock = lock_beside(path);
  if (!lock.valid()) return cannot_listen(path, errno);
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode) || somebody_listens(at)) return cannot_listen(path, EADDRINUSE);
    ::unlink(path.c_str());
  }
  Listening out{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), true, path};
  // Nobody can connect before listen(), and then only the owner can.
  const bool ready = out.fd >= 0 &&
                     ::bind(out.fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 &&
                     ::chmod(path.c_str(), 0600) == 0 && ::listen(out.fd, kBacklog) == 0 &&
                     ::lstat(path.c_str(), &found) == 0;
  out.device = found.st_dev;
  out.inode = found.st_ino;
  if (ready) return out;
  const int why = errno;
  if (out.fd >= 0) ::close(out.fd);
  return cannot_listen(path, why);
}

Result<Listening> listen_at(const Endpoint& where) {
  const auto at = to_asio(where);
  Listening out{::socket(at.data()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
                false, ""};
  const int yes = 1;
  const bool ready = out.fd >= 0 &&
                     ::setsockopt(out.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                     ::bind(out.fd, at.data(), static_cast<socklen_t>(at.size())) == 0 &&
                     ::listen(out.fd, kBacklog) == 0;
  if (ready) return out;
  const int why = errno;
  if (out.fd >= 0) ::close(out.fd);
  return cannot_listen(where.text(), why);
}

wire::ResponseHead head_of(const AdminAnswer& answer) {
  wire::ResponseHead head;
  head.status = answer.status;
  head.reason = answer.status < 300 ? "OK" : "Refused";
  head.fields.add("content-type", answer.content_type);
  head.fields.add("cache-control", "no-store");
  head.framing = wire::BodyFraming::length;
  head.content_length = answer.body.size();
  return head;
}

struct Counted {
  explicit Counted(std::atomic<int>& number) : number_(number) { ++number_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --number_; }

 private:
  std::atomic<int>& number_;
};

} // namespace

struct AdminServer::Impl {
  net::io_context context{1};
  Handler handler;
  std::vector<Listening> listening;
  std::size_t connections = 0;
  std::thread thread;
  net::thread_pool handlers{kMaxConnections};
  std::atomic<int> answering{0}; // requests that were read and whose answers are not written

  Task<AdminAnswer> handle(AdminRequest request);
  Task<> accept(Listening from);
  Task<> serve(AdminSocket socket, bool may_change);
  Task<bool> read_request(AdminSocket& socket, AdminRequest& request);
};

Task<> AdminServer::Impl::accept(Listening from) {
  net::basic_socket_acceptor<Generic, Executor> acceptor(context.get_executor());
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  ::getsockname(from.fd, reinterpret_cast<sockaddr*>(&local), &size);
  acceptor.assign(Generic(local.ss_family, 0), from.fd);
  Timer pause(context.get_executor());
  for (;;) {
    AdminSocket socket(context.get_executor());
    auto [error] = co_await acceptor.async_accept(socket, use_task);
    if (error == net::error::operation_aborted) co_return;
    if (error) {
      pause.expires_after(std::chrono::milliseconds(50));
      co_await pause.async_wait(use_task);
      continue;
    }
    if (connections >= kMaxConnections) continue; // closed with `socket`
    ++connections;
    net::co_spawn(context, serve(std::move(socket), from.may_change),
                  [this](const std::exception_ptr&) { --connections; });
  }
}

Task<> AdminServer::Impl::serve(AdminSocket socket, bool may_change) {
  const auto shared = std::make_shared<AdminSocket>(std::move(socket));
  Timer deadline(context.get_executor());
  deadline.expires_after(kWithin);
  deadline.async_wait([shared](const ErrorCode& error) {
    ErrorCode ignored;
    if (!error) shared->close(ignored);
  });
  AdminRequest request;
  request.may_change = may_change;
  const bool whole = co_await read_request(*shared, request);
  AdminAnswer answer;
  answer.status = 400;
  answer.body =
      R"({"error":{"code":"bad_request","message":"not a request this server reads"},"schema_version":"1"})";
  const Counted one(answering);
  if (whole) answer = co_await handle(std::move(request));
  answer.body += '\n';
  std::string bytes;
  wire::encode(head_of(answer), bytes);
  bytes += answer.body;
  const auto buffer = net::buffer(bytes);
  co_await net::async_write(*shared, buffer, use_task);
  deadline.cancel();
  ErrorCode ignored;
  shared->shutdown(AdminSocket::shutdown_both, ignored);
}

Task<AdminAnswer> AdminServer::Impl::handle(AdminRequest request) {
  const auto answer = std::make_shared<AdminAnswer>();
  const auto answered = std::make_shared<Timer>(context.get_executor());
  answered->expires_at(Timer::time_point::max());
  const auto run = [this, answer, answered, asked = std::move(request)] {
    try {
      *answer = handler(asked);
    } catch (const std::exception&) { // one order must not end the process
      answer->status = 500;
    }
    net::post(context, [answered] { answered->cancel(); });
  };
  net::post(handlers, run);
  co_await answered->async_wait(use_task);
  co_return std::move(*answer);
}

Task<bool> AdminServer::Impl::read_request(AdminSocket& socket, AdminRequest& request) {
  wire::RequestReader reader;
  std::string held;
  for (;;) {
    std::string_view bytes = held;
    auto event = reader.next(bytes);
    const std::size_t used = held.size() - bytes.size();
    if (auto* head = std::get_if<wire::RequestHead>(&event)) {
      request.method = head->method;
      request.path = head->target;
    } else if (const auto* body = std::get_if<wire::BodyBytes>(&event)) {
      request.body.append(body->bytes);
      if (request.body.size() > kMaxBody) co_return false;
    } else if (std::holds_alternative<wire::MessageEnd>(event)) {
      co_return true;
    } else if (std::holds_alternative<wire::ProtocolError>(event)) {
      co_return false;
    }
    const bool more_needed = std::holds_alternative<wire::NeedMore>(event);
    held.erase(0, used);
    if (!more_needed) continue;
    char chunk[4096];
    const auto room = net::buffer(chunk);
    auto [error, got] = co_await socket.async_read_some(room, use_task);
    if (error) co_return false;
    held.append(chunk, got);
  }
}

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<AdminServer>> AdminServer::start(const std::vector<AdminAddress>& addresses,
                                                        Handler handler) {
  std::unique_ptr<AdminServer> server(new AdminServer(std::make_unique<Impl>()));
  auto& impl = *server->impl_;
  impl.handler = std::move(handler);
  for (const auto& address : addresses) {
    auto opened = std::visit([](const auto& where) { return listen_at(where); }, address);
    if (!opened) return opened.error();
    impl.listening.push_back(opened.value());
    net::co_spawn(impl.context, impl.accept(opened.value()), net::detached);
  }
  impl.thread = std::thread([&impl] { impl.context.run(); });
  return server;
}

AdminServer::~AdminServer() {
  // The order to drain is answered, too.
  const auto until = std::chrono::steady_clock::now() + kLastAnswers;
  while (impl_->answering > 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  impl_->context.stop();
  impl_->handlers.join();
  if (impl_->thread.joinable()) impl_->thread.join();
  for (const auto& one : impl_->listening) {
    if (one.path.empty()) continue;
    const UniqueFd lock = lock_beside(one.path); // nobody takes the place between look and removal
    if (is_ours(one)) ::unlink(one.path.c_str());
  }
}

} // namespace sluice::io
