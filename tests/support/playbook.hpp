// Playbooks: a trace of what happens to a CallMachine and what it asks for in return. Actions are
// compared as lines of text, so a mismatch prints as a readable trace.
//
//   Playbook play;
//   play.happens(play.request("GET", "http://api.test/")).gives({"AskGate GET http://api.test:80
//   /"});
//
// A playbook whose last actions were never compared fails when it is destroyed.
#pragma once

#include "policy/redact/rule_set.hpp"
#include "proxy/call/call_machine.hpp"
#include "tests/support/permit_for_test.hpp"

#include <boost/test/unit_test.hpp>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace sluice::test {

template <class... F> struct Overloaded : F... { using F::operator()...; };
template <class... F> Overloaded(F...) -> Overloaded<F...>;

inline std::string framing_text(const wire::Head& head) {
  switch (head.framing) {
  case wire::BodyFraming::none: return "none";
  case wire::BodyFraming::length: return "length=" + std::to_string(head.content_length);
  case wire::BodyFraming::chunked: return "chunked";
  case wire::BodyFraming::until_close: return "until_close";
  }
  return "?";
}

inline std::string render(const call::Action& action) {
  return std::visit(
      Overloaded{
          [](const call::AskGate& a) {
            return "AskGate " + a.call.method + " " +
                   std::string(model::to_string(a.call.to.scheme)) + "://" + a.call.to.host_port() +
                   " " + a.call.path;
          },
          [](const call::RecordRefusal& a) {
            return "RecordRefusal " + std::string(model::row(a.refusal.decision.reason).code);
          },
          [](const call::Connect& a) {
            return std::string(a.pooling == call::Pooling::fresh ? "Connect fresh" : "Connect");
          },
          [](const call::SendRequestHead& a) {
            return "SendRequestHead " + a.head.method + " " + a.head.target + " " +
                   framing_text(a.head);
          },
          [](const call::SendRequestBody& a) { return "SendRequestBody " + a.bytes; },
          [](const call::SendRequestEnd&) { return std::string("SendRequestEnd"); },
          [](const call::SendResponseHead& a) {
            return "SendResponseHead " + std::to_string(a.head.status) + " " +
                   framing_text(a.head) + (a.head.keep_alive ? " keep-alive" : " close");
          },
          [](const call::SendResponseBody& a) {
            return "SendResponseBody " +
                   (a.bytes.starts_with("{\"decision\"") ? "(problem)" : a.bytes);
          },
          [](const call::SendResponseEnd&) { return std::string("SendResponseEnd"); },
          [](const call::ReleaseUpstream&) { return std::string("ReleaseUpstream"); },
          [](const call::AbandonUpstream&) { return std::string("AbandonUpstream"); },
          [](const call::CloseUpstream&) { return std::string("CloseUpstream"); },
          [](const call::CloseDownstream&) { return std::string("CloseDownstream"); },
          [](const call::AbortDownstream&) { return std::string("AbortDownstream"); },
          [](const call::Finished&) { return std::string("Finished"); },
      },
      action);
}

class Playbook {
 public:
  using Lines = std::vector<std::string>;

  explicit Playbook(call::CallContext context = forward_context()) : machine_(std::move(context)) {}
  ~Playbook() {
    if (!compared_) BOOST_ERROR("unfinished playbook: the last actions were never compared");
  }

  static call::CallContext forward_context() {
    static const call::HeadRedaction redaction = [] { // once: some tests play it 50 000 times
      redact::RuleSetConfig rules;
      call::HeadRedaction built;
      built.everywhere = redact::RuleSet::build(rules).value();
      rules.token_formats = false;
      built.credentials = redact::RuleSet::build(rules).value();
      return built;
    }();
    call::CallContext context;
    context.from.listener = "egress";
    context.run_id = "run-1";
    context.call_id = "call-1";
    context.redaction = redaction;
    return context;
  }

  // A request head as the reader would yield it.
  static call::RequestHeadReceived request(std::string method, std::string target,
                                           std::vector<wire::Field> fields = {},
                                           wire::BodyFraming framing = wire::BodyFraming::none,
                                           std::uint64_t length = 0) {
    call::RequestHeadReceived event;
    event.head.method = std::move(method);
    event.head.target = std::move(target);
    event.head.framing = framing;
    event.head.content_length = length;
    event.head.keep_alive = true;
    event.head.fields.add("Host", "api.test");
    for (const auto& field : fields) event.head.fields.add(field.name, field.value);
    return event;
  }

  static call::ResponseHeadReceived response(int status, wire::BodyFraming framing,
                                             std::uint64_t length = 0,
                                             std::vector<wire::Field> fields = {}) {
    call::ResponseHeadReceived event;
    event.head.status = status;
    event.head.framing = framing;
    event.head.content_length = length;
    event.head.keep_alive = framing != wire::BodyFraming::until_close;
    for (const auto& field : fields) event.head.fields.add(field.name, field.value);
    return event;
  }

  static constexpr const char* kWebSocketKey = "dGhlIHNhbXBsZSBub25jZQ==";
  static call::RequestHeadReceived websocket_request(std::vector<wire::Field> fields = {}) {
    fields.push_back({"Connection", "Upgrade"});
    fields.push_back({"Upgrade", "websocket"});
    fields.push_back({"Sec-WebSocket-Version", "13"});
    fields.push_back({"Sec-WebSocket-Key", kWebSocketKey});
    auto event = request("GET", "http://api.test/", std::move(fields));
    event.head.wants_upgrade = true;
    return event;
  }
  // `key`: what went upstream.
  static call::ResponseHeadReceived websocket_answer(std::string_view key,
                                                     std::vector<wire::Field> fields = {}) {
    fields.push_back({"Connection", "Upgrade"});
    fields.push_back({"Upgrade", "websocket"});
    fields.push_back({"Sec-WebSocket-Accept", wire::websocket_accept(key)});
    return response(101, wire::BodyFraming::none, 0, std::move(fields));
  }

  call::Admitted admitted(std::optional<std::uint64_t> body_limit = {},
                          std::optional<std::uint64_t> byte_limit = {}) {
    auto facts = permit_facts(asked_);
    facts.decision.obligations.byte_limit = byte_limit;
    facts.decision.obligations.request_body_limit = body_limit;
    return call::Admitted{permit_for_test(std::move(facts), ending_)};
  }

  call::Refused refused(model::Reason reason) {
    return call::Refused{call::Refusal{"call-1", model::Decision::refuse(reason), ""}};
  }

  Playbook& happens(call::Event event) {
    if (!compared_) BOOST_ERROR("an event before the last actions were compared");
    actions_.clear();
    machine_.on(std::move(event), actions_);
    for (const auto& action : actions_) {
      if (const auto* ask = std::get_if<call::AskGate>(&action)) asked_ = ask->call;
    }
    compared_ = false;
    return *this;
  }

  Playbook& gives(const Lines& expected) {
    compared_ = true;
    Lines got;
    for (const auto& action : actions_) got.push_back(render(action));
    BOOST_TEST(got == expected, boost::test_tools::per_element());
    return *this;
  }

  // For what is looked at in another way.
  void gives_anything() { compared_ = true; }

  // The call stands where its request has been sent and the answer is due.
  Playbook& runs_until_answer_due() {
    happens(request("GET", "http://api.test/")).gives({"AskGate GET http://api.test:80 /"});
    happens(admitted()).gives({"Connect"});
    happens(call::UpstreamOpened{}).gives({"SendRequestHead GET / none"});
    return happens(call::RequestEnded{}).gives({"SendRequestEnd"});
  }

  const model::EgressCall& asked() const { return asked_; }
  const call::Actions& actions() const { return actions_; }
  const Ending& ending() const { return ending_; }
  call::CallMachine& machine() { return machine_; }

 private:
  call::CallMachine machine_;
  call::Actions actions_;
  model::EgressCall asked_;
  Ending ending_;
  bool compared_ = true;
};

} // namespace sluice::test
