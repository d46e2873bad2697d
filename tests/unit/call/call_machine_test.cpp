// Two things no trace can show: that the machine is total (any event at any time leaves both sides
// in order), and that what it sends is one well framed message, whatever the body, its coding, its
// framing and how it came in. Traces of single behaviours are in tests/playbook.
#include "proxy/call/call_machine.hpp"

#include "tests/support/coding_text.hpp"
#include "tests/support/permit_for_test.hpp"
#include "tests/support/playbook.hpp"
#include "tests/support/websocket_text.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <list>
#include <string>
#include <variant>
#include <vector>

namespace {

using namespace sluice;
using namespace sluice::call;
using test::Playbook;
using wire::BodyFraming;
using wire::Coding;

const CallContext& context() {
  static const CallContext shared = Playbook::forward_context();
  return shared;
}

// ---- totality ----------------------------------------------------------------------------------

// Holds every action against the order in which a connection can carry it out.
class Watch {
 public:
  void see(const Action& action) {
    std::visit([this](const auto& what) { (*this)(what); }, action);
  }
  bool finished() const { return finished_; }

 private:
  enum class Message { none, begun, ended };

  void expect(bool holds, const char* what) {
    if (finished_) BOOST_FAIL("an action after Finished");
    if (!holds) BOOST_FAIL(what);
  }
  void operator()(const AskGate&) { expect(std::exchange(asked_, true) == false, "asks twice"); }
  void operator()(const RecordRefusal&) {
    expect(std::exchange(asked_, true) == false, "asks twice");
  }
  void operator()(const Connect&) {
    expect(asked_ && !connected_, "a connection too many");
    connected_ = true;
    request_ = Message::none;
  }
  void operator()(const SendRequestHead&) {
    expect(connected_ && request_ == Message::none, "a request head out of turn");
    request_ = Message::begun;
  }
  void operator()(const SendRequestBody&) {
    expect(connected_ && (request_ == Message::begun || switched_), "request body out of turn");
  }
  void operator()(const SendRequestEnd&) {
    expect(connected_ && request_ == Message::begun, "a request end out of turn");
    request_ = Message::ended;
  }
  void operator()(const SendResponseHead& send) {
    expect(response_ == Message::none, "a response head out of turn");
    if (send.head.status == 101) expect(request_ == Message::ended, "switched too early");
    switched_ = send.head.status == 101;
    if (send.head.status >= 200) response_ = Message::begun;
  }
  void operator()(const SendResponseBody&) {
    expect(response_ == Message::begun || switched_, "response body out of turn");
  }
  void operator()(const SendResponseEnd&) {
    expect(response_ == Message::begun, "a response end out of turn");
    response_ = Message::ended;
  }
  void operator()(const ReleaseUpstream&) {
    expect(connected_ && request_ == Message::ended && response_ == Message::ended,
           "a connection released in the middle of a message");
    connected_ = false;
  }
  void operator()(const AbandonUpstream&) {
    expect(connected_, "no connection to abandon");
    connected_ = false;
  }
  void operator()(const CloseUpstream&) {
    expect(connected_ && switched_, "no switched connection to close");
    connected_ = false;
  }
  void operator()(const CloseDownstream&) { expect(true, ""); }
  void operator()(const AbortDownstream&) { expect(true, ""); }
  void operator()(const Finished&) {
    expect(true, "");
    finished_ = true;
  }

  bool asked_ = false, connected_ = false, finished_ = false, switched_ = false;
  Message request_ = Message::none, response_ = Message::none;
};

enum Happens {
  head,
  ask, // for WebSocket
  body,
  end,
  fault,
  agent_leaves,
  admitted,
  refused,
  opened,
  unreachable,
  answer,
  switches,
  agent_message,
  server_message,
  agent_close,
  server_close,
  answer_body,
  answer_end,
  answer_fault,
  upstream_closes,
  deadline,
  kHappens
};

Event websocket_event(Happens which, const std::string& key) {
  static const std::string client = test::written({test::kFinal | 1, "hi"}),
                           server = test::written({test::kFinal | 1, "hi", false}),
                           client_close = test::written({test::kFinal | 8, ""}),
                           server_close_frame = test::written({test::kFinal | 8, "", false});
  if (which == ask) return Playbook::websocket_request();
  if (which == switches) return Playbook::websocket_answer(key);
  if (which == agent_message) return RequestBodyReceived{client};
  if (which == server_message) return ResponseBodyReceived{server};
  if (which == agent_close) return RequestBodyReceived{client_close};
  return ResponseBodyReceived{server_close_frame};
}

Event make_event(Happens which, std::list<test::Ending>& endings, const std::string& key) {
  switch (which) {
  case head: return Playbook::request("POST", "http://api.test/", {}, BodyFraming::chunked);
  case ask:
  case switches:
  case agent_message:
  case server_message:
  case agent_close:
  case server_close: return websocket_event(which, key);
  case body: return RequestBodyReceived{"x "};
  case end: return RequestEnded{};
  case fault: return RequestFaulted{};
  case agent_leaves: return DownstreamClosed{};
  case admitted:
    return Admitted{test::permit_for_test(test::permit_facts({}), endings.emplace_back())};
  case refused: return Refused{{"call-1", model::Decision::refuse(model::Reason::dry_run), ""}};
  case opened: return UpstreamOpened{};
  case unreachable: return UpstreamFailed{};
  case answer: return Playbook::response(200, BodyFraming::chunked);
  case answer_body: return ResponseBodyReceived{"y "};
  case answer_end: return ResponseEnded{};
  case answer_fault: return ResponseFaulted{};
  case upstream_closes: return UpstreamClosed{};
  case deadline:
  case kHappens: break;
  }
  return DeadlinePassed{};
}

void run(const std::vector<Happens>& events) {
  std::list<test::Ending> endings; // one of each permit; stable addresses
  {
    CallMachine machine(context());
    Watch watch;
    std::string key;
    for (const auto which : events) {
      Actions actions;
      machine.on(make_event(which, endings, key), actions);
      for (const auto& action : actions) {
        watch.see(action);
        if (const auto* sent = std::get_if<SendRequestHead>(&action))
          key = sent->head.fields.joined("sec-websocket-key");
      }
      if (watch.finished() != (machine.state() == CallMachine::State::done)) {
        BOOST_FAIL("done and Finished do not agree");
      }
      if (watch.finished() && (machine.wants(Side::downstream) || machine.wants(Side::upstream))) {
        BOOST_FAIL("wants bytes after the end");
      }
    }
  }
  for (const auto& ending : endings) {
    if (ending.closings != 1) BOOST_FAIL("a permit that did not close exactly once");
  }
}

std::string text(const std::vector<Happens>& events) {
  std::string out;
  for (const auto which : events) out += std::to_string(which) + " ";
  return out;
}

// ---- framing -----------------------------------------------------------------------------------

const std::string kToken = std::string("AKIA") + "IOSFODNN7EXAMPLQ";
const std::string kMask = "AKIA[REDACTED:aws-access-key-id]";
constexpr std::uint64_t kWholeBody = 64;

struct Body {
  BodyFraming framing = BodyFraming::none;
  std::string coding, plain; // plain: before encoding, before redaction
};

std::string encoded(const std::string& coding, const std::string& plain) {
  if (coding.empty() || plain.empty()) return plain; // no content at all is allowed, and seen
  return test::encoded(wire::parse_codings(coding).value(), plain);
}

std::string decoded(const std::string& coding, const std::string& bytes) {
  const auto plain = test::decoded(wire::parse_codings(coding).value(), bytes, bytes.size() + 1);
  BOOST_REQUIRE(plain.has_value());
  return plain.value();
}

std::string masked(std::string text) {
  for (auto at = text.find(kToken); at != std::string::npos; at = text.find(kToken)) {
    text.replace(at, kToken.size(), kMask);
  }
  return text;
}

// One connection's outgoing bytes, written as proxy/io writes them.
struct Outgoing {
  BodyFraming framing = BodyFraming::none;
  std::string bytes;

  template <class Head> void head(const Head& head) {
    framing = head.framing;
    wire::encode(head, bytes);
  }
  void body(const std::string& piece) {
    if (framing == BodyFraming::chunked) {
      wire::encode_chunk(piece, bytes);
    } else {
      bytes += piece;
    }
  }
  void end(const wire::Fields& trailers) {
    if (framing == BodyFraming::chunked) wire::encode_last_chunk(trailers, bytes);
  }
};

class Relay {
 public:
  explicit Relay(CallContext with) : machine_(std::move(with)) {}

  void on(Event event) {
    Actions actions;
    machine_.on(std::move(event), actions);
    for (const auto& action : actions) {
      std::visit(test::Overloaded{
                     [&](const SendRequestHead& send) { upstream.head(send.head); },
                     [&](const SendRequestBody& send) { upstream.body(send.bytes); },
                     [&](const SendRequestEnd& send) { upstream.end(send.trailers); },
                     [&](const SendResponseHead& send) { downstream.head(send.head); },
                     [&](const SendResponseBody& send) { downstream.body(send.bytes); },
                     [&](const SendResponseEnd& send) { downstream.end(send.trailers); },
                     [](const auto&) {},
                 },
                 action);
    }
  }
  template <class Received> void on_body(const std::string& bytes, std::size_t piece) {
    for (std::string_view rest = bytes; !rest.empty();) {
      on(Received{rest.substr(0, piece)});
      rest.remove_prefix(std::min(piece, rest.size()));
    }
  }

  Outgoing upstream, downstream;

 private:
  CallMachine machine_;
};

// The content of the one message that `bytes` must be.
template <class Head, class Reader>
std::string content_of_one(Reader& reader, std::string_view bytes, const std::string& coding) {
  std::string content;
  int heads = 0, ends = 0;
  for (bool closed = false;;) {
    auto event = closed ? reader.finish() : reader.next(bytes);
    if (std::holds_alternative<Head>(event)) ++heads;
    if (auto* piece = std::get_if<wire::BodyBytes>(&event)) content += piece->bytes;
    if (std::holds_alternative<wire::MessageEnd>(event)) ++ends;
    if (auto* error = std::get_if<wire::ProtocolError>(&event)) {
      BOOST_ERROR("what was sent is malformed: " + error->detail);
    }
    const bool stopped = std::holds_alternative<wire::ProtocolError>(event);
    if (stopped || closed) break;
    closed = std::holds_alternative<wire::NeedMore>(event);
  }
  BOOST_TEST(heads == 1);
  BOOST_TEST(ends == 1);
  return decoded(coding, content);
}

struct Setting {
  bool redact = true;
  wire::Version agent = wire::Version::http11;
  std::size_t piece = 1;
};

void exchange(const Body& request, const Body& response, const Setting& setting) {
  auto with = context();
  with.whole_body_bytes = kWholeBody;
  Relay relay(std::move(with));
  test::Ending ending;
  const auto coding_field = [](const Body& body) {
    return body.coding.empty() ? std::vector<wire::Field>{}
                               : std::vector<wire::Field>{{"Content-Encoding", body.coding}};
  };
  const auto sent = encoded(request.coding, request.plain);
  auto asks = Playbook::request("POST", "http://api.test/", coding_field(request), request.framing,
                                sent.size());
  asks.head.version = setting.agent;
  relay.on(std::move(asks));
  auto facts = test::permit_facts({});
  facts.call.to = {model::Scheme::http, model::Host::parse("api.test").value(), 80};
  facts.redact = setting.redact;
  relay.on(Admitted{test::permit_for_test(std::move(facts), ending)});
  relay.on(UpstreamOpened{});
  relay.on_body<RequestBodyReceived>(sent, setting.piece);
  relay.on(RequestEnded{});
  const auto got = encoded(response.coding, response.plain);
  relay.on(Playbook::response(200, response.framing, got.size(), coding_field(response)));
  relay.on_body<ResponseBodyReceived>(got, setting.piece);
  relay.on(ResponseEnded{});

  const auto expected = [&](const Body& body) {
    return setting.redact ? masked(body.plain) : body.plain;
  };
  wire::RequestReader upstream;
  BOOST_TEST(content_of_one<wire::RequestHead>(upstream, relay.upstream.bytes, request.coding) ==
             expected(request));
  wire::ResponseReader agent;
  agent.expect("POST");
  BOOST_TEST(content_of_one<wire::ResponseHead>(agent, relay.downstream.bytes, response.coding) ==
             expected(response));
  BOOST_TEST(ending.closings == 1);
  BOOST_CHECK(ending.outcome && ending.outcome->status == evidence::OutcomeStatus::succeeded);
}

std::vector<Body> bodies(std::initializer_list<BodyFraming> framings) {
  std::vector<Body> out;
  for (const auto framing : framings) {
    for (const auto* coding : {"", "gzip", "deflate", "br, zstd"}) {
      for (const auto& plain : {std::string(), "a " + kToken + " b",
                                kToken + std::string(3 * kWholeBody, 'x') + kToken}) {
        out.push_back({framing, coding, plain});
      }
    }
  }
  return out;
}

std::string describe(const Body& body) {
  return std::to_string(static_cast<int>(body.framing)) + " '" + body.coding + "' " +
         std::to_string(body.plain.size()) + " bytes";
}

} // namespace

BOOST_AUTO_TEST_SUITE(call_machine)

BOOST_AUTO_TEST_CASE(any_three_events_in_every_state) {
  const std::vector<std::vector<Happens>> states = {
      {},
      {head},
      {fault},
      {head, admitted},
      {head, admitted, opened},
      {head, admitted, opened, body},
      {head, admitted, opened, end},
      {head, admitted, opened, answer},
      {head, admitted, opened, end, answer, answer_body},
      {head, admitted, opened, end, answer, answer_end},
      {head, refused},
      {ask, admitted, opened, end},
      {ask, admitted, opened, end, switches},
      {ask, admitted, opened, end, switches, agent_close},
      {ask, admitted, opened, end, switches, server_message, server_close},
  };
  for (const auto& state : states) {
    for (int code = 0; code < kHappens * kHappens * kHappens; ++code) {
      auto events = state;
      for (const int which : {code, code / kHappens, code / kHappens / kHappens}) {
        events.push_back(static_cast<Happens>(which % kHappens));
      }
      BOOST_TEST_CONTEXT(text(events)) {
        run(events);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(every_request_arrives_as_one_message) {
  auto requests = bodies({BodyFraming::length, BodyFraming::chunked});
  requests.push_back({});
  for (const auto& request : requests) {
    for (const bool redact : {true, false}) {
      for (const std::size_t piece : {std::size_t{1}, std::size_t{4096}}) {
        BOOST_TEST_CONTEXT(describe(request) << " redact " << redact << " piece " << piece) {
          exchange(request, {BodyFraming::length, "", "ok"},
                   {redact, wire::Version::http11, piece});
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(every_answer_arrives_as_one_message) {
  for (const auto& response :
       bodies({BodyFraming::length, BodyFraming::chunked, BodyFraming::until_close})) {
    for (const bool redact : {true, false}) {
      for (const auto agent : {wire::Version::http10, wire::Version::http11}) {
        BOOST_TEST_CONTEXT(describe(response)
                           << " redact " << redact << " agent " << static_cast<int>(agent)) {
          exchange({}, response, {redact, agent, 1});
          exchange({}, response, {redact, agent, 4096});
        }
      }
    }
  }
}

// The content cannot be read, but the message was whole: the connection stands at the next one.
BOOST_AUTO_TEST_CASE(truncated_content_in_a_whole_message) {
  for (const auto framing : {BodyFraming::length, BodyFraming::chunked}) {
    Playbook play;
    const auto cut = encoded("gzip", "some text").substr(0, 10);
    play.happens(play.request("POST", "http://api.test/", {{"Content-Encoding", "gzip"}}, framing,
                              cut.size()))
        .gives({"AskGate POST http://api.test:80 /"});
    play.happens(play.admitted()).gives({"Connect"});
    const bool chunked = framing == BodyFraming::chunked;
    play.happens(UpstreamOpened{})
        .gives(chunked ? Playbook::Lines{"SendRequestHead POST / chunked"} : Playbook::Lines{});
    play.happens(RequestBodyReceived{cut}).gives({});
    play.happens(RequestEnded{});
    const auto& answer = std::get<SendResponseHead>(play.actions().at(1));
    BOOST_TEST(answer.head.status == 403);
    play.gives({"AbandonUpstream", test::render(play.actions()[1]), "SendResponseBody (problem)",
                "SendResponseEnd", "Finished"});
    BOOST_TEST(answer.head.keep_alive);
    BOOST_TEST(play.machine().request_ended());
    BOOST_CHECK(play.ending().outcome->reason == model::Reason::content_undecodable);
  }
}

BOOST_AUTO_TEST_SUITE_END()
