// One downstream connection, from accept to close. What it is for may be known from the start (a
// reverse or tcp listener) or come in a CONNECT, a SOCKS request or from the kernel (a captured
// connection); then its first bytes tell the protocol, and it goes on as HTTP requests, each a call
// with a CallMachine, or as one call whose bytes are relayed. Coroutines of one worker; no locks.
// Never writes to an upstream it did not get for a permit of this call.
// Tested by tests/e2e/test_hostile_framing.py and tests/e2e/test_transparent.py.
#pragma once

#include "proxy/call/call_machine.hpp"
#include "proxy/io/interrupt.hpp"
#include "proxy/io/lane.hpp"
#include "proxy/io/read_buffer.hpp"
#include "proxy/io/settings.hpp"
#include "proxy/io/stream.hpp"
#include "proxy/io/upstream_pool.hpp"
#include "proxy/wire/client_hello.hpp"
#include "proxy/wire/detect.hpp"
#include "proxy/wire/socks5.hpp"

#include <optional>
#include <string>
#include <string_view>

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
  void cut(model::Reason why) override;
  void policy_changed() override;

 private:
  struct Exchange; // one call: its machine, its upstream, what is known of its end
  struct Relay;    // one call whose bytes are relayed as they are
  struct Inside {  // what is known of a stream before its first bytes
    std::optional<model::Host> host; // CONNECT or SOCKS said it
    std::optional<model::IpAddress> original;
    std::uint16_t port = 0;
    std::string call_id;
  };
  enum class Next : std::uint8_t { close, next_request };
  static constexpr std::string_view kNoCa = "there is no interception CA; run: sluice ca init";
  using HeadOrFault = std::variant<wire::ProtocolError, wire::RequestHead>;

  // session.cpp: requests in order, and how a connection ends
  Task<Next> begin(); // up to where requests can be read
  Task<> serve();
  Task<std::optional<HeadOrFault>> read_head(); // nullopt: nothing more comes
  Task<bool> fill();                            // false: end, error, deadline or drain
  Task<> answer_and_close(call::Refusal refusal, std::optional<model::EgressCall> call);
  Task<> refuse_raw(model::Reason reason, std::string detail, model::EgressCall call); // RST
  Task<> write_problem(const call::Refusal& refusal);
  Task<> linger();
  call::CallContext call_context() const;
  void expect_within(std::chrono::milliseconds limit);
  void expect_nothing() noexcept;
  void interrupt() noexcept;

  // dns_stream.cpp: DNS over TCP
  Task<> serve_dns();

  // exchange.cpp: one call
  Task<Next> exchange(HeadOrFault first);
  Task<> perform(Exchange& call);
  void perform_now(Exchange& call, call::Action& action);
  void perform_all_now(Exchange& call);
  Task<> ask_gate(Exchange& call, model::EgressCall facts);
  Task<> connect(Exchange& call, call::Pooling pooling);
  bool feed_event(Exchange& call);   // the next of what is buffered; false: there is none
  void feed_request(Exchange& call); // what is buffered
  Task<> inspect_request(Exchange& call);
  Task<> pump_request(Exchange& call);
  Task<> pump_request_bytes(Exchange& call);
  Task<> pump_response(Exchange& call);
  Task<> run_exchange(Exchange& call);
  Task<> join_request_pump(Exchange& call);
  void feed_response(Exchange& call);
  void response_stopped(Exchange& call, const ErrorCode& error);
  Task<> discard_request(Exchange& call);
  Task<Next> end_exchange(Exchange& call);
  void expect_progress(const Exchange& call);

  // messages.cpp: a call that has switched to WebSocket
  static bool switched(const Exchange& call);
  Task<> carry_messages(Exchange& call);
  struct MessageWay; // one direction of it
  Task<> carry_upwards(Exchange& call);
  Task<> carry_one_way(Exchange& call, MessageWay way);
  void messages_stopped(Exchange& call, call::Side side);
  Task<> end_messages(Exchange& call);

  // peers.cpp: a listener for other sidecars only
  Task<bool> admit_peer(); // false: it is none, which is on record
  std::string why_no_peer(const ErrorCode& error);
  void place_in_chain(model::EgressCall& call) const;             // one without fields to say more
  std::string too_many_hops(const model::EgressCall& call) const; // "" when it has not

  // tunnel.cpp: CONNECT, SOCKS
  Task<Next> tunnel(wire::RequestHead head);
  Task<Next> socks();
  Task<Next> socks_connect(wire::SocksConnect asked);
  bool could_pass(const model::EgressCall& call) const;
  bool can_be_read(const model::EgressCall& call) const;
  model::Decision preview_raw(const model::EgressCall& call) const;
  Task<> refuse_tunnel(call::AssemblyFault fault, const std::string& call_id);

  // capture.cpp: from the first bytes of a stream to what it is
  Task<Next> captured();
  Task<Next> converse(Inside where);
  // nullopt: it ended
  Task<std::optional<wire::Protocol>> detect_protocol(const model::EgressCall& raw);
  Task<Next> converse_tls(Inside where, model::EgressCall call);
  Task<std::optional<wire::ClientHello>> read_hello(const model::EgressCall& call);
  Task<Next> intercept(model::EgressCall call);
  Task<bool> secure_downstream(const model::EgressCall& call);
  Task<> converse_raw(model::EgressCall call);
  model::EgressCall raw_call(const Inside& where) const;
  Task<> admit_and_relay(model::EgressCall call);

  // relay.cpp: bytes as they are, under one permit
  Task<> relay(call::Permit permit);
  struct Way; // one direction of it
  void prepare_relay(Relay& relay);
  void finish_relay(Relay& relay, call::Outcome& outcome);
  Task<> pump(Relay& relay, Way& way);
  Task<> pump_bytes(Relay& relay, Way& way);
  Task<> move_bytes(Relay& relay, Way& way, bool only_buffered);
  Task<> splice_bytes(Relay& relay, Way& way);
  Task<> release_early(Relay& relay, Way& way);
  Task<> release_held(Way& way);
  Task<> way_upwards(Relay& relay);

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
  Upstream* upstream_ = nullptr;       // of the current call or relay
  const call::Permit* live_ = nullptr; // of a stream that a new policy may end: judged again

  Time deadline_ = Time::max();
  bool expired_ = false;
  model::Reason cut_ = model::Reason::none; // killed, or no longer allowed
  bool at_rest_ = false;                    // between requests: may be closed without loss
  bool watch_peer_ = false; // waiting for the upstream: notice when the agent leaves
  bool peer_left_ = false;
};

} // namespace sluice::io
