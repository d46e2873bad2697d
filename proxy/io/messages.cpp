// Session, the part that carries a call after its switch to WebSocket: bytes of either side go into
// the machine as they come, frames come out. Each direction has a coroutine, waits for its own
// reader only, and both end when the machine says so.
#include "proxy/io/exchange.hpp"

#include "proxy/io/worker.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace sluice::io {
namespace {

using call::Side;
using model::Reason;

// Fed at a time: inflated it is a thousand times as much at worst, and others want their turn.
constexpr std::size_t kSlice = 16 * 1024;
constexpr auto kFarewell = std::chrono::milliseconds(1'000); // for the last frames

} // namespace

struct Session::MessageWay {
  Side side; // whose bytes these are
  Stream* from = nullptr;
  ReadBuffer* in = nullptr;
  Stream* to = nullptr;
  Lane* out = nullptr;
};

Task<> Session::carry_messages(Exchange& call) {
  call.pumping = true;
  net::co_spawn(worker_.executor(), carry_upwards(call), net::detached);
  MessageWay down{Side::upstream, &call.upstream->stream, &upstream_in_, &downstream_,
                  &to_downstream_};
  co_await carry_one_way(call, down);
  expect_within(kFarewell);
  downstream_.cancel(); // nothing of the agent is waited for any more
  while (call.pumping) co_await call.pump_done.wait(std::chrono::milliseconds(100));
  co_await end_messages(call);
}

// Throws nothing: who waits for it would wait for ever.
Task<> Session::carry_upwards(Exchange& call) {
  MessageWay up{Side::downstream, &downstream_, &in_, &call.upstream->stream, &to_upstream_};
  try {
    co_await carry_one_way(call, up);
  } catch (const std::exception&) {
    cut(Reason::internal_error); // told by the other direction, which this wakes
  }
  call.upstream->stream.cancel();
  call.pumping = false;
  call.pump_done.notify();
}

Task<> Session::carry_one_way(Exchange& call, MessageWay way) {
  while (!call.over && call.machine.wants(way.side)) {
    expect_within(worker_.settings().limits.idle_timeout);
    if (way.in->data().empty()) {
      way.in->prepare();
      const auto got = co_await way.from->read_some(way.in->tail(), way.in->space());
      if (call.over || !call.machine.wants(way.side)) break; // the other direction ended the call
      if (got.error || cut_ != Reason::none) {
        messages_stopped(call, way.side);
        break;
      }
      way.in->commit(got.bytes);
    }
    const auto bytes = way.in->data().substr(0, kSlice);
    if (way.side == Side::downstream) {
      call.machine.on(call::RequestBodyReceived{bytes}, call.actions);
    } else {
      call.machine.on(call::ResponseBodyReceived{bytes}, call.actions);
    }
    way.in->consume(bytes.size());
    perform_all_now(call);
    co_await way.out->flush(*way.to);
    if (way.out->ok() || !call.machine.wants(way.side)) continue;
    messages_stopped(call, way.side == Side::downstream ? Side::upstream : Side::downstream);
  }
}

// `lost`: whose connection gave an error, when nothing else explains it.
void Session::messages_stopped(Exchange& call, Side lost) {
  if (cut_ != Reason::none) {
    call.machine.on(call::Cut{cut_}, call.actions);
  } else if (expired_) {
    call.machine.on(call::DeadlinePassed{}, call.actions);
  } else if (lost == Side::downstream) {
    call.machine.on(call::DownstreamClosed{}, call.actions);
  } else {
    call.machine.on(call::UpstreamClosed{}, call.actions);
  }
  perform_all_now(call);
}

Task<> Session::end_messages(Exchange& call) {
  co_await to_downstream_.drain(downstream_);
  if (!call.close_upstream) co_return;
  co_await to_upstream_.drain(call.upstream->stream);
  if (to_upstream_.ok()) co_await call.upstream->stream.finish_writing();
  call.upstream->stream.close();
}

} // namespace sluice::io
