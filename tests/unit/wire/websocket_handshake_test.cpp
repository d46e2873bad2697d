#include "proxy/wire/websocket_handshake.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace {

using namespace sluice;
using namespace sluice::wire;

const std::string kKey = "dGhlIHNhbXBsZSBub25jZQ==";

RequestHead request(const std::vector<Field>& changed = {}) {
  RequestHead head;
  head.method = "GET";
  head.target = "/chat";
  head.wants_upgrade = true;
  head.fields.add("Host", "up.test");
  head.fields.add("Upgrade", "WebSocket");
  head.fields.add("Connection", "keep-alive, Upgrade");
  head.fields.add("Sec-WebSocket-Key", kKey);
  head.fields.add("Sec-WebSocket-Version", "13");
  for (const auto& field : changed) {
    if (field.value.empty()) {
      head.fields.erase(field.name);
    } else {
      head.fields.add(field.name, field.value);
    }
  }
  return head;
}

struct Opened {
  WebSocketAsked asked;
  RequestHead sent;
  ResponseHead answer;
};

Opened opened(const std::vector<Field>& request_fields = {}) {
  Opened out;
  out.sent = request(request_fields);
  out.asked = read_websocket_request(out.sent).value();
  remove_hop_by_hop(out.sent.fields);
  write_websocket_request(out.asked, out.sent);
  out.answer.status = 101;
  out.answer.fields.add("Upgrade", "websocket");
  out.answer.fields.add("Connection", "Upgrade");
  out.answer.fields.add("Sec-WebSocket-Accept",
                        websocket_accept(*out.sent.fields.only("sec-websocket-key")));
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(websocket_handshake)

BOOST_AUTO_TEST_CASE(accept_of_the_rfc) {
  BOOST_TEST(websocket_accept(kKey) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

BOOST_AUTO_TEST_CASE(only_websocket_and_nothing_beside_it) {
  BOOST_TEST(asks_for_websocket(request()));
  for (const char* other : {"h2c", "websocket, h2c", "websocket/13", "TLS/1.0", "websockets"}) {
    auto head = request();
    head.fields.set("upgrade", other);
    BOOST_TEST(!asks_for_websocket(head));
  }
  BOOST_TEST(!asks_for_websocket(request({{"Upgrade", "websocket"}}))); // repeated
}

BOOST_AUTO_TEST_CASE(requests_that_are_none) {
  BOOST_TEST(read_websocket_request(request()).has_value());
  const auto fails = [](const RequestHead& head) {
    const auto read = read_websocket_request(head);
    return !read && read.error().code == "websocket_invalid" &&
           read.error().origin == Origin::downstream;
  };
  auto post = request();
  post.method = "POST";
  BOOST_TEST(fails(post));
  auto body = request();
  body.framing = BodyFraming::chunked;
  BOOST_TEST(fails(body));
  for (const Field& field : {Field{"Sec-WebSocket-Version", ""},
                             {"Sec-WebSocket-Version", "13"}, // repeated
                             {"Sec-WebSocket-Key", ""},
                             {"Sec-WebSocket-Key", kKey},
                             {"Sec-WebSocket-Extensions", "a b"}}) {
    BOOST_TEST(fails(request({field})));
  }
  auto version = request();
  version.fields.set("Sec-WebSocket-Version", "8");
  BOOST_TEST(fails(version));
  for (const char* key : {"x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZTE=", "AAAA"}) {
    auto head = request();
    head.fields.set("Sec-WebSocket-Key", key);
    BOOST_TEST(fails(head));
  }
}

BOOST_AUTO_TEST_CASE(the_request_is_said_anew) {
  const auto out = opened(
      {{"Sec-WebSocket-Extensions", "x-secret; a=b, permessage-deflate; client_max_window_bits"},
       {"Sec-WebSocket-Protocol", "chat"}});
  const Fields& fields = out.sent.fields;
  BOOST_TEST(*fields.only("upgrade") == "websocket");
  BOOST_TEST(*fields.only("connection") == "Upgrade");
  BOOST_TEST(*fields.only("sec-websocket-key") != kKey);
  BOOST_TEST(fields.only("sec-websocket-key")->size() == kKey.size());
  BOOST_TEST(*fields.only("sec-websocket-extensions") ==
             "permessage-deflate; client_max_window_bits");
  BOOST_TEST(*fields.only("sec-websocket-protocol") == "chat");
  BOOST_TEST(
      opened({{"Sec-WebSocket-Extensions", "x"}}).sent.fields.count("sec-websocket-extensions") ==
      0U);
}

BOOST_AUTO_TEST_CASE(answers_that_switch) {
  auto plain = opened();
  BOOST_TEST(read_websocket_answer(plain.asked, plain.sent, plain.answer).has_value());
  auto full = opened(
      {{"Sec-WebSocket-Extensions", "permessage-deflate"}, {"Sec-WebSocket-Protocol", "a, b"}});
  full.answer.fields.add("Sec-WebSocket-Protocol", "b");
  full.answer.fields.add("Sec-WebSocket-Extensions",
                         "permessage-deflate; server_no_context_takeover");
  const auto agreed = read_websocket_answer(full.asked, full.sent, full.answer);
  BOOST_REQUIRE(agreed.has_value());
  remove_hop_by_hop(full.answer.fields);
  write_websocket_answer(full.asked, agreed.value(), full.answer);
  BOOST_TEST(*full.answer.fields.only("sec-websocket-accept") == websocket_accept(kKey));
  BOOST_TEST(*full.answer.fields.only("upgrade") == "websocket");
  BOOST_TEST(*full.answer.fields.only("sec-websocket-extensions") ==
             "permessage-deflate; server_no_context_takeover");
}

BOOST_AUTO_TEST_CASE(answers_that_do_not) {
  const auto fails = [](const Field& field) {
    auto out = opened({{"Sec-WebSocket-Protocol", "a"}});
    if (field.value.empty()) {
      out.answer.fields.erase(field.name);
    } else {
      out.answer.fields.set(field.name, field.value);
    }
    const auto read = read_websocket_answer(out.asked, out.sent, out.answer);
    return !read && read.error().origin == Origin::upstream;
  };
  BOOST_TEST(!fails({"X-Other", "1"}));
  BOOST_TEST(!fails({"Sec-WebSocket-Protocol", "a"}));
  for (const Field& field : {Field{"Upgrade", ""},
                             {"Upgrade", "h2c"},
                             {"Connection", ""},
                             {"Connection", "close"},
                             {"Sec-WebSocket-Accept", ""},
                             {"Sec-WebSocket-Accept", websocket_accept(kKey)}, // of the agent's key
                             {"Sec-WebSocket-Accept", "x"},
                             {"Sec-WebSocket-Protocol", "b"},
                             {"Sec-WebSocket-Protocol", "a, a"},
                             {"Sec-WebSocket-Extensions", "permessage-deflate"}}) {
    BOOST_TEST(fails(field));
  }
}

BOOST_AUTO_TEST_SUITE_END()
