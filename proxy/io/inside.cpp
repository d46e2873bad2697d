#include "proxy/io/inside.hpp"

#include <boost/asio/post.hpp>

#include <optional>
#include <utility>

namespace sluice::io {
namespace {

struct InsideCall { // shared by the waiting coroutine and the thread that may answer too late
  explicit InsideCall(const Executor& executor) : dialled(executor) {}
  Signal dialled;
  std::optional<Result<UniqueFd>> connection;
};

void start_dialling(net::thread_pool& threads, const Executor& executor,
                    std::shared_ptr<InsideCall> call, std::shared_ptr<const Inside> inside,
                    std::uint16_t port) {
  net::post(threads,
            [executor, call = std::move(call), inside = std::move(inside), port]() mutable {
              auto got = std::make_shared<Result<UniqueFd>>(inside->dial(port));
              net::post(executor, [call = std::move(call), got = std::move(got)] {
                call->connection.emplace(std::move(*got));
                call->dialled.notify();
              });
            });
}

} // namespace

Task<Result<UniqueFd>> dial_inside(Executor executor, net::thread_pool& threads,
                                   std::shared_ptr<const Inside> inside, std::uint16_t port,
                                   std::chrono::milliseconds limit) {
  auto call = std::make_shared<InsideCall>(executor);
  start_dialling(threads, executor, call, std::move(inside), port);
  if (!call->connection) co_await call->dialled.wait(limit);
  if (!call->connection) {
    co_return make_error(Origin::upstream, "connect_timeout", "the program does not accept");
  }
  co_return std::move(*call->connection);
}

} // namespace sluice::io
