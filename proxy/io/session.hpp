// One downstream connection, from accept to close: reads requests in order, drives a CallMachine
// for each, and turns CONNECT into an intercepted or a passed-through tunnel. Coroutines of one
// worker; no locks. Never writes to an upstream it did not get for a permit of this call.
// Tested by tests/e2e/test_hostile_framing.py.
#pragma once

#include "proxy/call/call_machine.hpp"
#include "proxy/io/interrupt.hpp"
#include "proxy/io/lane.hpp"
#include "proxy/io/read_buffer.hpp"
#include "proxy/io/settings.hpp"
#include "proxy/io/stream.hpp"
#include "proxy/io/upstream_pool.hpp"

#include <optional>
#include <string>

namespace sluice::io {

class Worker;

class Session final : public Watched {
 public:
  Session(Worker& worker, Socket socket, const ListenerSettings& listener);
  ~Session() override;

  Task<> run();
  Task<> turn_away(model::Reason reason); // over the limit or draining: answer, record, close

  void tick(Time now) override;
  void begin_drain() override;
  void kill() override;

 private:
  struct Exchange; // one call: its machine, its upstream, what is known of its end
  struct Relay;    // a passed-through tunnel
  enum class Next : std::uint8_t { close, next_request };
  using HeadOrFault = std::variant<wire::ProtocolError, wire::RequestHead>;

  // session.cpp: requests in order, and how a connection ends
  Task<std::optional<HeadOrFault>> read_head(); // nullopt: nothing more comes
  Task<bool> fill();                            // false: end, error, deadline or drain
  Task<> answer_and_close(call::Refusal refusal, std::optional<model::EgressCall> call);
  Task<> write_problem(const call::Refusal& refusal);
  Task<> linger();
  call::CallContext call_context() const;
  void expect_within(std::chrono::milliseconds limit);
  void expect_nothing() noexcept;
  void interrupt() noexcept;

  // exchange.cpp: one call
  Task<Next> exchange(HeadOrFault first);
  Task<> perform(Exchange& call);
  void perform_now(Exchange& call, call::Action& action);
  void perform_all_now(Exchange& call);
  Task<> ask_gate(Exchange& call, model::EgressCall facts);
  Task<> connect(Exchange& call, call::Pooling pooling);
  void feed_request(Exchange& call); // what is buffered
  Task<> pump_request(Exchange& call);
  Task<> pump_response(Exchange& call);
  void feed_response(Exchange& call);
  void response_stopped(Exchange& call, const ErrorCode& error);
  Task<> discard_request(Exchange& call);
  Task<Next> end_exchange(Exchange& call);
  void expect_progress(const Exchange& call);

  // tunnel.cpp: CONNECT
  Task<Next> tunnel(wire::RequestHead head);
  Task<Next> intercept(model::EgressCall call);
  Task<bool> secure_downstream(const model::EgressCall& call);
  Task<> pass_through(call::Permit permit);
  Task<> relay_upwards(Relay& relay);
  Task<> relay_downwards(Relay& relay);

  Worker& worker_;
  const ListenerSettings& listener_;
  call::Origination from_;
  Stream downstream_;
  Lane to_downstream_;
  Lane to_upstream_;
  ReadBuffer in_;          // from downstream
  ReadBuffer upstream_in_; // from the current upstream
  wire::RequestReader reader_;
  Interruptible connecting_;
  Upstream* upstream_ = nullptr; // of the current call or tunnel

  Time deadline_ = Time::max();
  bool expired_ = false;
  bool killed_ = false;
  bool at_rest_ = false;    // between requests: may be closed without loss
  bool watch_peer_ = false; // waiting for the upstream: notice when the agent leaves
  bool peer_left_ = false;
};

} // namespace sluice::io
