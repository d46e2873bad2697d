// One HTTP call, from request head to outcome: events in, actions out, no I/O, no clock. Total:
// every event in every state has an answer, and an unexpected one ends the call closed. Emits
// nothing for the upstream before it holds a permit, and closes that permit exactly once.
// Tested by tests/playbook/ (traces) and tests/unit/call/call_machine_test.cpp (totality).
#pragma once

#include "policy/engine/engine.hpp"
#include "proxy/call/action.hpp"
#include "proxy/call/assemble.hpp"
#include "proxy/call/body_digest.hpp"
#include "proxy/call/body_pipe.hpp"
#include "proxy/call/chain.hpp"
#include "proxy/call/event.hpp"
#include "proxy/call/head_rules.hpp"
#include "proxy/call/held_bytes.hpp"
#include "proxy/call/inspection.hpp"
#include "proxy/call/message_pipe.hpp"
#include "proxy/call/problem.hpp"
#include "proxy/call/url_rules.hpp"
#include "proxy/wire/websocket_handshake.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::call {

struct CallContext {
  Origination from;
  model::Given given; // when the head came; the gate judges by its own clock
  std::string run_id;
  std::string call_id;
  std::shared_ptr<const engine::Engine> engine;   // says what it asks of a body; null: nothing
  HeadRedaction redaction;                        // used only when the permit asks for redaction
  std::shared_ptr<const UrlRules> urls;           // null: addresses stay as they are
  DigestKey digest_key;                           // null: bodies are not digested
  std::uint64_t request_body_limit = 64ULL << 20; // bytes; the rule's own limit may be tighter
  // A body with a declared length up to this many bytes is held whole, so that its Content-Length
  // stays right after redaction; a longer one goes out chunked.
  std::uint64_t whole_body_bytes = 1ULL << 20;
  std::shared_ptr<HeldBytes> held;       // room for bodies that are held; null: without a bound
  std::shared_ptr<OpenCalls> open_calls; // null: no call of another sidecar is
  std::uint32_t hop_limit = 16;
  bool last_on_connection = false; // draining: answer, then close
};

enum class Side : std::uint8_t { downstream, upstream };

class CallMachine {
 public:
  enum class State : std::uint8_t {
    idle,
    inspecting, // the body is read for the gate
    deciding,
    connecting,
    streaming,
    switched, // to WebSocket: frames both ways
    refusing,
    done
  };

  explicit CallMachine(CallContext context);
  void on(Event event, Actions& out);

  // Whether bytes from that side can be used now: back-pressure is decided here, obeyed in io.
  bool wants(Side side) const noexcept;
  State state() const noexcept { return state_; }
  const Permit& permit() const { return *permit_; } // requires connecting or streaming
  bool request_ended() const noexcept { return request_ended_; }
  bool response_begun() const noexcept { return response_begun_; }

 private:
  void handle(RequestHeadReceived& event, Actions& out);
  void handle(RequestBodyReceived& event, Actions& out);
  void handle(RequestEnded& event, Actions& out);
  void handle(RequestFaulted& event, Actions& out);
  void handle(DownstreamClosed& event, Actions& out);
  void handle(Admitted& event, Actions& out);
  void handle(Refused& event, Actions& out);
  void handle(UpstreamOpened& event, Actions& out);
  void handle(UpstreamFailed& event, Actions& out);
  void handle(ResponseHeadReceived& event, Actions& out);
  void handle(ResponseBodyReceived& event, Actions& out);
  void handle(ResponseEnded& event, Actions& out);
  void handle(ResponseFaulted& event, Actions& out);
  void handle(UpstreamClosed& event, Actions& out);
  void handle(DeadlinePassed& event, Actions& out);
  void handle(Cut& event, Actions& out);

  void refuse(model::Reason reason, std::string detail, std::optional<model::EgressCall> call,
              Actions& out);
  void send_problem(const Refusal& refusal, Actions& out);
  ProblemResponse answer_to(const Refusal& refusal, AfterRefusal after) const;
  void stop_refusing(Actions& out);
  model::Decision how_it_was_stopped(evidence::OutcomeStatus status, model::Reason reason) const;
  // Ends an admitted call that cannot succeed: outcome, an answer if none was begun, both sides
  // closed.
  void fail(evidence::OutcomeStatus status, model::Reason reason, std::string detail, Actions& out);
  std::string why_blocked() const; // by a rule, for what it found; "" when none does
  // True: a rule blocks the call for what it found, and the call has ended.
  bool ended_by_rule(Actions& out);
  void show_pieces(std::string_view text); // that leaves, a whole text
  void show_pieces(const wire::Fields& fields);
  // Before bytes of a body go: they count against the day. False: it is used up, and the call has
  // ended.
  bool counted(std::size_t bytes, Actions& out);
  void count_tokens(evidence::OutcomeStatus status);
  void complete(Actions& out);
  void close_permit(evidence::OutcomeStatus status, model::Reason reason, std::string detail);
  bool ask_for_upgrade(Assembled& facts, Actions& out); // false: refused
  void take_head(Assembled& facts, Actions& out);
  void ask_gate(model::EgressCall call, Actions& out);
  void end_inspection(Actions& out);
  static void let_body_come(Actions& out);
  void send_inspected(Actions& out);
  void take_body(std::string_view bytes, Actions& out);
  void take_end(wire::Fields trailers, Actions& out);
  void start_request(Actions& out);
  void send_request_head(Actions& out);
  void send_head_first(Actions& out);
  bool can_be_signed(Actions& out); // if it is to be; false: it cannot, and ended
  bool held_too_much() const noexcept;
  bool hold_what_is_held() noexcept;
  bool must_be_held() const noexcept; // its signature is over the whole of its body
  void sign_request();
  void interim_response(const wire::ResponseHead& head, Actions& out);
  void start_response(wire::ResponseHead head, Actions& out);
  bool response_has_body(const wire::ResponseHead& head) const noexcept;
  bool change_response(const wire::ResponseHead& head, bool rewritten,
                       Actions& out); // false: it cannot, and ended
  bool is_card(const wire::ResponseHead& head) const;
  void fail_response(const Error& error, Actions& out);
  void choose_response_framing(wire::ResponseHead& head);
  void end_response(wire::Fields trailers, Actions& out);
  bool read_tokens_of(const wire::ResponseHead& head, Actions& out); // false: it cannot, and ended

  // call_websocket.cpp
  void switch_protocols(wire::ResponseHead head, Actions& out);
  void carry(Side from, std::string_view bytes, Actions& out);
  bool spend(std::size_t bytes);
  void break_off(Side at_fault, const wire::WebSocketFault& fault, Actions& out);
  void fail_switched(evidence::OutcomeStatus status, model::Reason reason, std::string detail,
                     Actions& out);
  void peer_left(Side side, Actions& out);
  void close_frames(std::optional<wire::CloseCode> to_agent,
                    std::optional<wire::CloseCode> to_upstream, std::string_view reason,
                    Actions& out);
  void end_messages(evidence::OutcomeStatus status, model::Reason reason, std::string detail,
                    Actions& out);
  void note_messages();
  void note_digests();

  // A held body may be this many times the limit once it is encoded again: that takes a far better
  // encoder at its origin than ours. A longer one would only cost memory.
  static constexpr std::uint64_t kHeldGrowth = 8;
  static constexpr std::uint64_t kDiscardLimit = 256 * 1024; // read after a refusal, to keep the
                                                             // connection

  CallContext context_;
  OpenCall open_call_;          // while the program answers a peer, or the outside
  HeldShare held_;              // of the room for bodies
  std::size_t tree_memory_ = 0; // of what the policy was shown
  State state_ = State::idle;
  std::optional<Permit> permit_;
  // Of what leaves with this call, that was redacted; null: no secret is watched for its pieces.
  std::shared_ptr<redact::DripMeter> drip_;
  HeadRedaction redaction_; // empty when no redaction is due
  Login login_;             // what the agent is given, and never sees

  wire::RequestHead request_; // as received until admitted, then as sent
  wire::Version downstream_version_ = wire::Version::http11;
  bool agent_keeps_alive_ = false;
  std::string upstream_target_;
  std::optional<Inspection> inspection_; // the request's, until it is sent
  std::vector<std::string> rpc_ids_;     // of the requests in it, as JSON
  bool rpc_batch_ = false;
  BodyPipe request_pipe_;
  BodyDigest request_digest_;
  std::string request_body_; // while held whole
  std::uint64_t request_bytes_ = 0;
  std::uint64_t discarded_ = 0;
  bool request_ended_ = false;
  bool hold_request_ = false;
  bool upstream_open_ = false;
  bool reused_ = false;
  bool retried_ = false;
  std::int64_t unix_nanos_ = 0; // when something happened last that says when

  wire::ResponseHead response_; // held until its length is known
  BodyPipe response_pipe_;
  BodyDigest response_digest_;
  std::string response_body_;
  bool hold_response_ = false;
  bool card_ = false;           // the answer is an agent card: it leaves whole, or not at all
  bool response_begun_ = false; // a final head was received
  bool head_sent_ = false;      // a final head went to the agent
  bool keep_downstream_ = false;
  bool keep_upstream_ = false;
  int interim_count_ = 0;

  std::optional<wire::WebSocketAsked> websocket_; // the agent asked for one
  std::optional<MessagePipe> messages_up_, messages_down_;

  std::shared_ptr<UsageScanner> usage_; // null: its tokens are not counted
  std::int64_t retry_after_ = 1;        // of a limit that ended it
  Outcome outcome_;
};

} // namespace sluice::call
