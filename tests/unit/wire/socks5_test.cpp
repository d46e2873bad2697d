#include "proxy/wire/socks5.hpp"

#include "tests/support/socks5_transcript.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

namespace {

using namespace sluice;
using namespace sluice::wire;
using namespace std::string_view_literals;
using test::socks_transcript;

constexpr auto kNoAuth = "\x05\x01\x00"sv;
constexpr auto kPassword = "\x05\x01\x02"sv;
constexpr auto kBoth = "\x05\x02\x00\x02"sv;
constexpr auto kToken = "\x01\x03run\x05token"sv;
constexpr auto kConnectName = "\x05\x01\x00\x03\x09"
                              "a.example\x01\xbb"sv;

std::string join(std::string_view a, std::string_view b, std::string_view c = {}) {
  return std::string(a).append(b).append(c);
}
std::string request(std::string_view bytes) {
  return socks_transcript(join(kNoAuth, bytes));
}
bool refused_with(std::string_view text, std::string_view reply) {
  return text.find("refuse " + std::string(reply) + " ") != std::string_view::npos;
}
std::string domain(std::string_view name) {
  return join("\x05\x01\x00\x03"sv, std::string(1, static_cast<char>(name.size())), name) +
         "\x01\xbb";
}

} // namespace

BOOST_AUTO_TEST_SUITE(socks5)

BOOST_AUTO_TEST_CASE(connect_without_authentication) {
  BOOST_TEST(request(kConnectName) == "send 0500; connect domain a.example 443; rest ");
  BOOST_TEST(request("\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x50"sv) ==
             "send 0500; connect v4 10.0.0.1 80; rest ");
  BOOST_TEST(request(join("\x05\x01\x00\x04\x20\x01\x0d\xb8"sv, std::string(11, '\0'),
                          "\x01\xff\xff")) == "send 0500; connect v6 2001:db8::1 65535; rest ");
  BOOST_TEST(request(join("\x05\x01\x00\x04"sv, std::string(10, '\0'),
                          "\xff\xff\x7f\x00\x00\x01\x00\x50"sv)) ==
             "send 0500; connect v6 ::ffff:127.0.0.1 80; rest ");
}

BOOST_AUTO_TEST_CASE(what_follows_the_request_is_not_consumed) {
  const auto early = join(kNoAuth, kConnectName, "\x16\x03\x01");
  BOOST_TEST(socks_transcript(early) == "send 0500; connect domain a.example 443; rest 160301");
  BOOST_TEST(socks_transcript(early, {false, true, 1}) == socks_transcript(early));
  Socks5Server server(false);
  std::string_view in = early;
  server.feed(in);
  server.feed(in);
  BOOST_TEST(in == "\x16\x03\x01");
  BOOST_TEST(std::holds_alternative<NeedMore>(server.feed(in)));
  BOOST_TEST(in == "\x16\x03\x01");
}

BOOST_AUTO_TEST_CASE(which_method_is_chosen) {
  BOOST_TEST(socks_transcript(kBoth) == "send 0500; need more");
  BOOST_TEST(socks_transcript(kPassword) == "send 0502; need more");
  BOOST_TEST(socks_transcript(kBoth, {true, true}) == "send 0502; need more");
  BOOST_TEST(refused_with(socks_transcript(kNoAuth, {true, true}), "05ff"));
  BOOST_TEST(refused_with(socks_transcript("\x05\x01\x01"), "05ff"));
  BOOST_TEST(refused_with(socks_transcript("\x05\x00"sv), "05ff"));
  BOOST_TEST(refused_with(socks_transcript("\x05\x02\x01\xff"), "05ff"));
}

BOOST_AUTO_TEST_CASE(user_and_password) {
  const auto bytes = join(kPassword, kToken, kConnectName);
  BOOST_TEST(socks_transcript(bytes) == "send 0502; user 72756e 746f6b656e; send 0100; "
                                        "connect domain a.example 443; rest ");
  BOOST_TEST(socks_transcript(join(kBoth, kToken, kConnectName), {true, true}) ==
             socks_transcript(bytes));
  const auto denied = socks_transcript(bytes, {false, false});
  BOOST_TEST(denied == "send 0502; user 72756e 746f6b656e; "
                       "refuse 0101 authentication failed (RFC 1929 §2)");
  BOOST_TEST(socks_transcript(join(kPassword, "\x01\x03run\x00"sv)) ==
             "send 0502; user 72756e ; send 0100; need more");
}

BOOST_AUTO_TEST_CASE(nothing_is_consumed_before_the_verdict) {
  const auto bytes = join(kPassword, kToken, kConnectName);
  Socks5Server server(false);
  std::string_view in = bytes;
  BOOST_CHECK_THROW(server.authenticated(true), std::logic_error);
  server.feed(in);
  BOOST_TEST(std::holds_alternative<SocksAuthenticate>(server.feed(in)));
  BOOST_TEST(std::holds_alternative<NeedMore>(server.feed(in)));
  BOOST_TEST((in == kConnectName));
  BOOST_TEST(std::holds_alternative<SocksSend>(server.authenticated(true)));
  BOOST_CHECK_THROW(server.authenticated(true), std::logic_error);
  BOOST_TEST(std::holds_alternative<SocksConnect>(server.feed(in)));
}

BOOST_AUTO_TEST_CASE(stays_refused) {
  Socks5Server server(true);
  std::string_view in = kNoAuth;
  const auto first = std::get<SocksRefuse>(server.feed(in));
  in = kPassword;
  const auto second = std::get<SocksRefuse>(server.feed(in));
  BOOST_TEST(first.reply == second.reply);
  BOOST_TEST((in == kPassword));
}

BOOST_AUTO_TEST_CASE(every_prefix_needs_more) {
  for (const bool require : {false, true}) {
    const auto bytes = join(require ? kPassword : kNoAuth, require ? kToken : ""sv, kConnectName);
    const auto whole = socks_transcript(bytes, {require, true});
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto text = socks_transcript(std::string_view(bytes).substr(0, size), {require, true});
      BOOST_TEST(text.ends_with("need more"), size);
    }
    for (std::size_t piece = 1; piece < bytes.size(); ++piece) {
      BOOST_TEST(socks_transcript(bytes, {require, true, piece}) == whole);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_changed_byte_has_one_answer) {
  auto bytes = join(kPassword, kToken, kConnectName);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const char was = bytes[at];
    for (int c = 0; c < 256; ++c) {
      bytes[at] = static_cast<char>(c);
      BOOST_TEST(socks_transcript(bytes, {false, true, 1}) == socks_transcript(bytes));
    }
    bytes[at] = was;
  }
}

BOOST_AUTO_TEST_CASE(other_versions_get_no_answer) {
  BOOST_TEST(socks_transcript("\x04\x01\x00\x50"sv) == "refuse  not SOCKS 5 (RFC 1928 §3)");
  BOOST_TEST(socks_transcript("GET / HTTP/1.1\r\n") == "refuse  not SOCKS 5 (RFC 1928 §3)");
}

BOOST_AUTO_TEST_CASE(requests_that_are_refused_at_their_first_wrong_byte) {
  BOOST_TEST(refused_with(request("\x05\x02"), "05070001000000000000")); // BIND
  BOOST_TEST(refused_with(request("\x05\x03"), "05070001000000000000")); // UDP ASSOCIATE
  BOOST_TEST(refused_with(request("\x05\x00"sv), "05070001000000000000"));
  BOOST_TEST(refused_with(request("\x04"), "05010001000000000000"));
  BOOST_TEST(refused_with(request("\x05\x01\x01"), "05010001000000000000"));
  BOOST_TEST(refused_with(request("\x05\x01\x00\x02"sv), "05080001000000000000"));
  BOOST_TEST(refused_with(request("\x05\x01\x00\x00"sv), "05080001000000000000"));
  BOOST_TEST(refused_with(request("\x05\x01\x00\x03\x00"sv), "05010001000000000000"));
  BOOST_TEST(refused_with(request("\x05\x01\x00\x03\xff\n"sv), "05010001000000000000"));
  BOOST_TEST(refused_with(request("\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x00"sv),
                          "05010001000000000000")); // port 0
}

BOOST_AUTO_TEST_CASE(every_byte_value_in_a_domain) {
  for (int c = 0; c < 256; ++c) {
    const auto text = request(domain("a" + std::string(1, static_cast<char>(c)) + "b"));
    const bool fine = c > 0x20 && c < 0x7f;
    BOOST_TEST((text.find("connect domain a") != std::string::npos) == fine, c);
    BOOST_TEST(refused_with(text, "05010001000000000000") == !fine, c);
  }
  const std::string longest(255, 'a');
  BOOST_TEST(request(domain(longest)) == "send 0500; connect domain " + longest + " 443; rest ");
}

BOOST_AUTO_TEST_CASE(passwords_that_are_refused) {
  for (const auto bad : {"\x05"sv, "\x00"sv, "\x01\x00"sv, "\x01\x01\x00\x01p"sv,
                         "\x01\x02u\n\x01p"sv, "\x01\x01u\x02p\x7f"sv, "\x01\x01u\x01\x00"sv}) {
    BOOST_TEST(refused_with(socks_transcript(join(kPassword, bad)), "0101"));
  }
}

BOOST_AUTO_TEST_CASE(the_largest_messages_are_bounded) {
  const std::string longest(255, 'x');
  const auto credentials = "\x01\xff" + longest + "\xff" + longest;
  BOOST_TEST(credentials.size() == Socks5Server::kMaxMessage);
  const auto bytes = "\x05\xff" + std::string(255, '\x02') + credentials;
  const auto text = socks_transcript(bytes, {true, true, 1});
  BOOST_TEST(text.ends_with("send 0100; need more"));
}

BOOST_AUTO_TEST_CASE(replies) {
  BOOST_TEST(to_hex(encode_socks_reply(SocksReply::succeeded)) == "05000001000000000000");
  BOOST_TEST(to_hex(encode_socks_reply(SocksReply::not_allowed)) == "05020001000000000000");
  BOOST_TEST(to_hex(encode_socks_reply(SocksReply::host_unreachable)) == "05040001000000000000");
  BOOST_TEST(to_hex(encode_socks_reply(SocksReply::general_failure)) == "05010001000000000000");
}

BOOST_AUTO_TEST_SUITE_END()
