// Addresses that change on the way: what becomes of lengths, codings, digests and ranges, that no
// event waits for the next, and that secrets are found all the same.
#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "tests/support/coding_text.hpp"
#include "tests/support/playbook.hpp"

#include <optional>
#include <tuple>

using namespace sluice;
using sluice::test::Playbook;
using wire::BodyFraming;
using wire::Coding;

namespace {

const std::string kLocal = "http://127.0.0.1:20000";
const std::string kRoute = "amber://route/x";
const std::string kKey = std::string("AKIA") + "IOSFODNN7EXAMPLQ";
const std::string kMasked = "AKIA[REDACTED:aws-access-key-id]";
const wire::Field kJson = {"Content-Type", "application/json"};

call::CallContext context() {
  auto urls = std::make_shared<call::UrlRules>();
  auto up = std::make_shared<call::UrlTable>(), down = std::make_shared<call::UrlTable>();
  BOOST_TEST(up->add(kLocal, kRoute) == "");
  BOOST_TEST(down->add(kRoute, kLocal) == "");
  urls->request = up;
  urls->response = down;
  auto out = Playbook::forward_context();
  out.urls = urls;
  out.digest_key = std::make_shared<const std::string>("key");
  return out;
}

// What a step sent, each way.
struct Sent {
  std::optional<wire::Head> head;
  std::string body;
  wire::Fields trailers;
  std::vector<std::string> all;
};

Sent step(Playbook& play, call::Event event) {
  play.happens(std::move(event));
  Sent out;
  for (const auto& action : play.actions()) {
    out.all.push_back(test::render(action));
    if (const auto* up = std::get_if<call::SendRequestHead>(&action)) out.head = up->head;
    if (const auto* down = std::get_if<call::SendResponseHead>(&action)) out.head = down->head;
    if (const auto* up = std::get_if<call::SendRequestBody>(&action)) out.body += up->bytes;
    if (const auto* down = std::get_if<call::SendResponseBody>(&action)) out.body += down->bytes;
    if (const auto* down = std::get_if<call::SendResponseEnd>(&action))
      out.trailers = down->trailers;
  }
  play.gives_anything();
  return out;
}

call::Admitted admitted(Playbook& play, bool redacts) {
  static test::Ending nobody_looks;
  if (redacts) return play.admitted();
  auto facts = test::permit_facts(play.asked());
  facts.redact = false;
  return call::Admitted{test::permit_for_test(std::move(facts), nobody_looks)};
}

Sent open(Playbook& play, call::RequestHeadReceived request, bool redacts = true) {
  step(play, std::move(request));
  step(play, admitted(play, redacts));
  return step(play, call::UpstreamOpened{});
}

// Where the answer is due.
void ask(Playbook& play, std::string method = "GET", bool redacts = true) {
  open(play, play.request(std::move(method), "http://api.test/"), redacts);
  step(play, call::RequestEnded{});
}

std::string hmac(std::string_view text) {
  return to_hex(hmac_sha256("key", text));
}

} // namespace

BOOST_AUTO_TEST_SUITE(urls)

BOOST_AUTO_TEST_CASE(a_declared_length_is_corrected_each_way) {
  const std::string asked = "{\"to\":\"" + kLocal + "/a\"}", got = "{\"to\":\"" + kRoute + "/a\"}";
  for (const bool redacts : {true, false}) {
    Playbook play(context());
    BOOST_TEST(
        !open(play,
              play.request("POST", "http://api.test/", {kJson, {"Content-Digest", "sha-256=:x:"}},
                           BodyFraming::length, asked.size()),
              redacts)
             .head);
    step(play, call::RequestBodyReceived{asked});
    const auto up = step(play, call::RequestEnded{});
    BOOST_TEST(test::framing_text(*up.head) == "length=" + std::to_string(got.size()));
    BOOST_TEST(up.head->fields.count("content-digest") == 0U);
    BOOST_TEST(up.body == got);
    BOOST_TEST(!step(play, play.response(200, BodyFraming::length, got.size(), {kJson})).head);
    step(play, call::ResponseBodyReceived{got});
    const auto down = step(play, call::ResponseEnded{});
    BOOST_TEST(test::framing_text(*down.head) == "length=" + std::to_string(asked.size()));
    BOOST_TEST(down.body == asked);
    if (!redacts) continue;
    BOOST_TEST(play.ending().outcome->request_body.before == hmac(asked));
    BOOST_TEST(play.ending().outcome->request_body.after == hmac(got));
    BOOST_TEST(play.ending().outcome->response_body.before == hmac(got));
    BOOST_TEST(play.ending().outcome->response_body.after == hmac(asked));
  }
}

BOOST_AUTO_TEST_CASE(what_is_longer_goes_out_chunked_and_without_a_digest) {
  auto small = context();
  small.whole_body_bytes = 8;
  Playbook play(small);
  const auto up =
      open(play,
           play.request("POST", "http://api.test/", {kJson, {"Content-Digest", "sha-256=:x:"}},
                        BodyFraming::length, 100),
           false);
  BOOST_TEST(test::framing_text(*up.head) == "chunked");
  BOOST_TEST(up.head->fields.count("content-digest") == 0U);
  BOOST_TEST(step(play, call::RequestBodyReceived{"\"" + kLocal}).body == "\"");
  BOOST_TEST(step(play, call::RequestBodyReceived{"\""}).body == kRoute + "\"");
  step(play, call::RequestEnded{});
  const auto down = step(play, play.response(200, BodyFraming::length, 100, {kJson}));
  BOOST_TEST(test::framing_text(*down.head) == "chunked");
}

BOOST_AUTO_TEST_CASE(what_is_held_to_no_avail_goes_out_chunked_and_without_a_digest) {
  auto full = context();
  full.held = std::make_shared<call::HeldBytes>(3);
  Playbook play(full);
  open(play,
       play.request("POST", "http://api.test/", {kJson, {"Digest", "x"}}, BodyFraming::length, 30),
       false);
  const auto up = step(play, call::RequestBodyReceived{"\"" + kLocal + "\","});
  BOOST_TEST(test::framing_text(*up.head) == "chunked");
  BOOST_TEST(up.head->fields.count("digest") == 0U);
  BOOST_TEST(up.body == "\"" + kRoute + "\",");
}

BOOST_AUTO_TEST_CASE(an_event_does_not_wait_for_the_next) {
  for (const bool redacts : {true, false}) {
    Playbook play(context());
    ask(play, "GET", redacts);
    step(play,
         play.response(200, BodyFraming::chunked, 0, {{"Content-Type", "text/event-stream"}}));
    const std::string event = "data: {\"url\":\"" + kRoute + "\"}\n\n";
    for (int i = 0; i < 3; ++i)
      BOOST_TEST(step(play, call::ResponseBodyReceived{event}).body ==
                 "data: {\"url\":\"" + kLocal + "\"}\n\n");
    const std::string bare = "data: " + kRoute + "\n\n";
    BOOST_TEST(step(play, call::ResponseBodyReceived{bare}).body == "data: " + kLocal + "\n\n");
  }
}

BOOST_AUTO_TEST_CASE(a_coding_is_taken_off_and_put_on_again) {
  const std::string said = "{\"u\":\"" + kRoute + "\"}";
  for (const bool redacts : {true, false}) {
    for (const auto& [name, codings] : std::vector<std::pair<std::string, wire::Codings>>{
             {"gzip", {Coding::gzip}},
             {"br", {Coding::br}},
             {"zstd, gzip", {Coding::zstd, Coding::gzip}}}) {
      Playbook play(context());
      const auto up = open(play,
                           play.request("GET", "http://api.test/",
                                        {{"Accept-Encoding", "br, dcb"}, {"Range", "bytes=0-1"}}),
                           redacts);
      BOOST_TEST(up.head->fields.joined("accept-encoding") == "br");
      BOOST_TEST(up.head->fields.count("range") == 0U);
      step(play, call::RequestEnded{});
      const auto bytes = test::encoded(codings, said);
      step(play, play.response(200, BodyFraming::length, bytes.size(),
                               {kJson,
                                {"Content-Encoding", name},
                                {"ETag", "\"1\""},
                                {"Accept-Ranges", "bytes"},
                                {"Digest", "x"}}));
      step(play, call::ResponseBodyReceived{bytes});
      const auto down = step(play, call::ResponseEnded{});
      BOOST_TEST(test::decoded(codings, down.body, 7).value() == "{\"u\":\"" + kLocal + "\"}");
      BOOST_TEST(down.head->content_length == down.body.size());
      BOOST_TEST(down.head->fields.joined("content-encoding") == name);
      BOOST_TEST(down.head->fields.joined("etag") == "W/\"1\"");
      BOOST_TEST(down.head->fields.count("accept-ranges") == 0U);
      BOOST_TEST(down.head->fields.count("digest") == 0U);
    }
  }
}

// Nothing but addresses is at stake. What must be redacted is refused, as ever.
BOOST_AUTO_TEST_CASE(a_coding_nobody_knows_passes_unread_where_no_redaction_is_due) {
  Playbook play(context());
  ask(play, "GET", false);
  const std::vector<wire::Field> fields = {kJson, {"Content-Encoding", "lzw"}, {"ETag", "\"1\""}};
  const auto down = step(play, play.response(200, BodyFraming::length, kRoute.size(), fields));
  BOOST_TEST(test::framing_text(*down.head) == "length=" + std::to_string(kRoute.size()));
  BOOST_TEST(step(play, call::ResponseBodyReceived{kRoute}).body == kRoute);
  Playbook due(context());
  ask(due);
  const auto refused = step(due, due.response(200, BodyFraming::length, kRoute.size(), fields));
  BOOST_TEST(refused.all.at(1) == "SendResponseHead 502 length=" +
                                      std::to_string(refused.head->content_length) + " keep-alive");
  // Said to be in a coding, and is not.
  for (const std::string& text : {std::string("t"), std::string("this is no gzip"), kRoute}) {
    Playbook lies(context());
    ask(lies, "GET", false);
    step(lies, lies.response(200, BodyFraming::length, text.size(),
                             {kJson, {"Content-Encoding", "gzip"}}));
    std::string got;
    for (const char& c : text) got += step(lies, call::ResponseBodyReceived{{&c, 1}}).body;
    const auto end = step(lies, call::ResponseEnded{});
    BOOST_TEST(got + end.body == text);
    BOOST_TEST(test::framing_text(*end.head) == "length=" + std::to_string(text.size()));
  }
  // What came out of it so far may be gone already.
  Playbook broken(context());
  ask(broken, "GET", false);
  auto half = test::encoded({Coding::gzip}, kRoute);
  half[half.size() - 6] ^= 1; // of its checksum
  step(broken, broken.response(200, BodyFraming::length, half.size(),
                               {kJson, {"Content-Encoding", "gzip"}}));
  step(broken, call::ResponseBodyReceived{std::string_view(half).substr(0, half.size() - 8)});
  step(broken, call::ResponseBodyReceived{std::string_view(half).substr(half.size() - 8)});
  BOOST_TEST((broken.machine().state() == call::CallMachine::State::done));
}

BOOST_AUTO_TEST_CASE(other_types_and_messages_without_a_body_stay) {
  for (const char* type : {"application/octet-stream", "application/x-www-form-urlencoded",
                           "multipart/form-data; boundary=x", "image/svg+xml", ""}) {
    Playbook play(context());
    open(play,
         play.request("POST", "http://api.test/", {{"Content-Type", type}}, BodyFraming::length,
                      kLocal.size()),
         false);
    BOOST_TEST(step(play, call::RequestBodyReceived{kLocal}).body == kLocal, type);
    step(play, call::RequestEnded{});
    const auto down = step(play, play.response(200, BodyFraming::length, kRoute.size(),
                                               {{"Content-Type", type}, {"ETag", "\"1\""}}));
    BOOST_TEST(down.head->fields.joined("etag") == "\"1\"");
    BOOST_TEST(step(play, call::ResponseBodyReceived{kRoute}).body == kRoute, type);
  }
  Playbook get(context());
  const auto sent =
      open(get, get.request("GET", "http://api.test/", {kJson}, BodyFraming::length, kLocal.size()),
           false);
  BOOST_TEST(test::framing_text(*sent.head) == "length=" + std::to_string(kLocal.size()));
  BOOST_TEST(step(get, call::RequestBodyReceived{kLocal}).body == kLocal);
}

BOOST_AUTO_TEST_CASE(head_and_304_promise_no_length_of_what_is_rewritten) {
  for (const bool redacts : {true, false}) {
    Playbook head(context());
    ask(head, "HEAD", redacts);
    const auto down =
        step(head, head.response(200, BodyFraming::none, 0,
                                 {kJson, {"Content-Length", "9"}, {"ETag", "\"1\""}}));
    BOOST_TEST(test::framing_text(*down.head) == "none");
    BOOST_TEST(down.head->fields.joined("etag") == "W/\"1\"");
    Playbook unchanged(context());
    ask(unchanged, "GET", redacts);
    const auto stale =
        step(unchanged, unchanged.response(304, BodyFraming::none, 0,
                                           {{"Content-Length", "9"}, {"ETag", "\"1\""}}));
    BOOST_TEST(test::framing_text(*stale.head) == "none");
    BOOST_TEST(stale.head->fields.joined("etag") == "W/\"1\"");
    Playbook other(context());
    ask(other, "HEAD", redacts);
    const auto image =
        step(other, other.response(200, BodyFraming::none, 0,
                                   {{"Content-Type", "image/png"}, {"Content-Length", "9"}}));
    BOOST_TEST(test::framing_text(*image.head) == "length=9");
  }
}

BOOST_AUTO_TEST_CASE(fields_that_say_where_to_go_on_change) {
  Playbook play(context());
  ask(play);
  const auto down =
      step(play, play.response(302, BodyFraming::none, 0,
                               {{"Location", kRoute + "/a?b=c"},
                                {"Content-Location", kRoute},
                                {"Link", "<" + kRoute + "/n>; rel=next, <" + kRoute + "0>; rel=x"},
                                {"X-Other", kRoute}}));
  BOOST_TEST(down.head->fields.joined("location") == kLocal + "/a?b=c");
  BOOST_TEST(down.head->fields.joined("content-location") == kLocal);
  BOOST_TEST(down.head->fields.joined("link") ==
             "<" + kLocal + "/n>; rel=next, <" + kRoute + "0>; rel=x");
  BOOST_TEST(down.head->fields.joined("x-other") == kRoute);
  Playbook asks(context());
  const auto up = open(asks, asks.request("GET", "http://api.test/",
                                          {{"Referer", kLocal + "/"}, {"Origin", kLocal}}));
  BOOST_TEST(up.head->fields.joined("referer") == kLocal + "/");
  BOOST_TEST(up.head->fields.joined("origin") == kLocal);
}

BOOST_AUTO_TEST_CASE(secrets_are_found_before_addresses_change) {
  const std::string asked = "{\"u\":\"" + kLocal + "/?key=" + kKey + "\"}";
  for (std::size_t cut = 1; cut < asked.size(); cut += 5) {
    Playbook play(context());
    open(play, play.request("POST", "http://api.test/", {kJson}, BodyFraming::chunked));
    const std::string_view all = asked;
    auto got = step(play, call::RequestBodyReceived{all.substr(0, cut)}).body;
    got += step(play, call::RequestBodyReceived{all.substr(cut)}).body;
    got += step(play, call::RequestEnded{}).body;
    BOOST_TEST(got == "{\"u\":\"" + kRoute + "/?key=" + kMasked + "\"}");
    step(play, play.response(200, BodyFraming::chunked, 0, {kJson}));
    auto back = step(play, call::ResponseBodyReceived{"\"" + kRoute + "/" + kKey}).body;
    back += step(play, call::ResponseBodyReceived{"\""}).body;
    wire::Fields trailers;
    trailers.add("Digest", "x");
    const auto end = step(play, call::ResponseEnded{trailers});
    BOOST_TEST(back + end.body == "\"" + kLocal + "/" + kMasked + "\"");
    BOOST_TEST(end.trailers.all().empty());
    BOOST_TEST(play.ending().outcome->findings.size() == 2U);
  }
}

// Its head waits for its end, whatever its length is said to be: it may yet be refused.
BOOST_AUTO_TEST_CASE(a_card_leaves_whole_or_not_at_all) {
  const std::string card = "{\"url\":\"" + kRoute + "/a\"}",
                    changed = "{\"url\":\"" + kLocal + "/a\"}";
  for (const auto framing : {BodyFraming::length, BodyFraming::chunked, BodyFraming::until_close}) {
    for (const bool redacts : {true, false}) {
      Playbook play(context());
      open(play, play.request("GET", "http://api.test/x/.well-known/agent-card.json"), redacts);
      step(play, call::RequestEnded{});
      const auto length = framing == BodyFraming::length ? card.size() : 0;
      BOOST_TEST(step(play, play.response(200, framing, length)).all.empty());
      for (const char& c : card)
        BOOST_TEST(step(play, call::ResponseBodyReceived{{&c, 1}}).all.empty());
      wire::Fields trailers;
      trailers.add("X-Sum", "1");
      const auto down = step(play, call::ResponseEnded{trailers});
      BOOST_TEST(test::framing_text(*down.head) == "length=" + std::to_string(changed.size()));
      BOOST_TEST(down.body == changed);
      BOOST_TEST(down.trailers.all().empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_card_that_may_not_leave_ends_the_call) {
  struct Case {
    std::string card;
    std::uint64_t whole_body, room;
    model::Reason reason;
    evidence::OutcomeStatus status;
  };
  using evidence::OutcomeStatus;
  using model::Reason;
  const std::string is_signed = "{\"url\":\"" + kRoute + "\",\"signatures\":[{}]}";
  for (const auto& [card, whole_body, room, reason, status] : std::vector<Case>{
           {is_signed, 1000, 1000, Reason::card_signature_lost, OutcomeStatus::blocked},
           {"{\"url\":\"" + kRoute + "\",\"url\":1}", 1000, 1000, Reason::upstream_protocol_error,
            OutcomeStatus::failed},
           {is_signed, 20, 1000, Reason::upstream_protocol_error, OutcomeStatus::failed},
           {is_signed, 1000, 20, Reason::too_much_held, OutcomeStatus::blocked}}) {
    auto tight = context();
    tight.whole_body_bytes = whole_body;
    tight.held = std::make_shared<call::HeldBytes>(room);
    Playbook play(tight);
    open(play, play.request("GET", "http://api.test/.well-known/agent.json"));
    step(play, call::RequestEnded{});
    step(play, play.response(200, BodyFraming::chunked, 0, {kJson}));
    auto last = step(play, call::ResponseBodyReceived{card});
    if (play.machine().state() != call::CallMachine::State::done)
      last = step(play, call::ResponseEnded{});
    BOOST_REQUIRE(last.all.size() > 1);
    BOOST_TEST(
        last.all[1].starts_with("SendResponseHead " + std::to_string(model::row(reason).status)));
    BOOST_TEST(last.body.find(kLocal) == std::string::npos);
    BOOST_TEST((play.ending().outcome->reason == reason));
    BOOST_TEST((play.ending().outcome->status == status));
    BOOST_TEST(tight.held->left() <= room);
  }
}

BOOST_AUTO_TEST_CASE(only_the_answer_to_get_is_a_card) {
  const std::string odd = "{\"url\":\"" + kRoute + "\",\"signatures\":[{}]}";
  for (const auto& [method, path, status] : std::vector<std::tuple<std::string, std::string, int>>{
           {"POST", "/.well-known/agent.json", 200},
           {"GET", "/agent.json", 200},
           {"GET", "/.well-known/agent.json", 404}}) {
    Playbook play(context());
    open(play, play.request(method, "http://api.test" + path));
    step(play, call::RequestEnded{});
    BOOST_TEST(
        step(play, play.response(status, BodyFraming::chunked, 0, {kJson})).head.has_value());
    auto got = step(play, call::ResponseBodyReceived{odd}).body;
    got += step(play, call::ResponseEnded{}).body;
    BOOST_TEST(got == "{\"url\":\"" + kLocal + "\",\"signatures\":[{}]}");
  }
}

BOOST_AUTO_TEST_CASE(a_part_of_an_answer_is_refused_where_it_would_be_rewritten) {
  Playbook play(context());
  ask(play, "GET", false);
  const auto refused = step(play, play.response(206, BodyFraming::length, 3, {kJson}));
  BOOST_TEST(refused.all.at(1).starts_with("SendResponseHead 502"));
  Playbook image(context());
  ask(image, "GET", false);
  const auto down =
      step(image, image.response(206, BodyFraming::length, 3, {{"Content-Type", "image/png"}}));
  BOOST_TEST(down.all.at(0) == "SendResponseHead 206 length=3 keep-alive");
}

BOOST_AUTO_TEST_SUITE_END()
