// Keyed digests of a body: those of the bytes that came and of those that went, however they were
// cut and however long the second ones waited; hashing once or twice is the same.
#include "proxy/call/body_digest.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/digest.hpp"
#include "proxy/call/body_pipe.hpp"
#include "proxy/call/message_pipe.hpp"
#include "tests/support/websocket_text.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>
#include <string>

namespace {

using namespace sluice;
using namespace sluice::call;

const std::string kToken = std::string("AKIA") + "IOSFODNN7EXAMPLQ";

DigestKey key(const char* value = "key of this run") {
  return std::make_shared<const std::string>(value);
}

std::string hmac(std::string_view text) {
  return to_hex(hmac_sha256(*key(), text));
}

std::shared_ptr<const redact::RuleSet> rules() {
  static const auto built = redact::RuleSet::build({}).value();
  return built;
}

struct Digested {
  BodyDigests digests;
  std::string out;
};

Digested redact_and_digest(const std::string& body, std::size_t piece, const char* coding = "") {
  BodyPipe pipe = BodyPipe::redacting(rules(), coding).value();
  BodyDigest digest(key());
  Digested done;
  for (std::string_view rest = body; !rest.empty();
       rest.remove_prefix(std::min(piece, rest.size()))) {
    const auto begin = done.out.size();
    BOOST_REQUIRE(pipe.feed(rest.substr(0, piece), done.out));
    digest.feed(rest.substr(0, piece), std::string_view(done.out).substr(begin));
  }
  const auto begin = done.out.size();
  BOOST_REQUIRE(pipe.finish(done.out));
  digest.feed({}, std::string_view(done.out).substr(begin));
  done.digests = digest.take();
  return done;
}

using test::kFinal;
constexpr unsigned kContinuation = 0, kText = 1, kPing = 9;

std::string frame(unsigned first, const std::string& payload) { // of a server
  test::Frame out;
  out.first = first;
  out.payload = payload;
  out.masked = false;
  return test::written(out);
}

BOOST_AUTO_TEST_SUITE(body_digest)

BOOST_AUTO_TEST_CASE(what_is_not_changed_has_one_digest_however_it_is_cut) {
  const std::string body = "begins AKIA as a key does, and is none: " + std::string(500, 'x');
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    const auto done = redact_and_digest(body, piece);
    BOOST_REQUIRE(done.digests.before == hmac(body));
    BOOST_REQUIRE(done.digests.after == hmac(body));
  }
}

BOOST_AUTO_TEST_CASE(what_is_masked_has_two) {
  const std::string body = "a key " + kToken + " and more, then " + kToken + " again";
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    const auto done = redact_and_digest(body, piece);
    BOOST_REQUIRE(done.out != body);
    BOOST_REQUIRE(done.digests.before == hmac(body));
    BOOST_REQUIRE(done.digests.after == hmac(done.out));
  }
}

BOOST_AUTO_TEST_CASE(any_way_of_coming_and_going) {
  std::mt19937 random(7); // NOLINT: the same cases each time
  const auto upto = [&](std::size_t most) { return random() % (most + 1); };
  for (int round = 0; round < 2'000; ++round) {
    std::string came, went;
    const auto same = upto(300);
    for (std::size_t i = 0; i < same; ++i) came += static_cast<char>('a' + upto(1));
    went = came;
    for (auto i = upto(40); i > 0; --i) came += static_cast<char>('a' + upto(1));
    for (auto i = upto(40); i > 0; --i) went += static_cast<char>('a' + upto(1));
    BodyDigest digest(key());
    std::string_view in = came, out = went;
    while (!in.empty() || !out.empty()) {
      const auto first = std::min(in.size(), upto(60)), second = std::min(out.size(), upto(60));
      digest.feed(in.substr(0, first), out.substr(0, second));
      in.remove_prefix(first);
      out.remove_prefix(second);
    }
    const auto got = digest.take();
    BOOST_REQUIRE(got.before == (came.empty() ? "" : hmac(came)));
    BOOST_REQUIRE(got.after == (went.empty() ? "" : hmac(went)));
  }
}

BOOST_AUTO_TEST_CASE(what_waits_long_is_not_kept) {
  const std::string megabyte(1 << 20, 'm');
  BodyDigest digest(key());
  for (std::size_t at = 0; at < megabyte.size(); at += 4096)
    digest.feed(megabyte.substr(at, 4096), {});
  digest.feed({}, megabyte);
  const auto got = digest.take();
  BOOST_TEST(got.before == hmac(megabyte));
  BOOST_TEST(got.after == hmac(megabyte));
}

BOOST_AUTO_TEST_CASE(no_bytes_have_no_digest_and_a_body_that_was_held_back_has_one) {
  BodyDigest none(key());
  none.feed({}, {});
  const auto of_none = none.take();
  BOOST_TEST((of_none.before.empty() && of_none.after.empty()));
  BodyDigest held(key());
  held.feed("all of it", {});
  const auto of_held = held.take();
  BOOST_TEST(of_held.before == hmac("all of it"));
  BOOST_TEST(of_held.after == "");
}

BOOST_AUTO_TEST_CASE(another_run_has_another_digest_and_without_a_key_there_is_none) {
  BodyDigest other(key("key of another run"));
  other.feed("yes", "yes");
  BOOST_TEST(other.take().before != hmac("yes"));
  BodyDigest without;
  without.feed("yes", "yes");
  BOOST_TEST(without.take().before == "");
}

BOOST_AUTO_TEST_CASE(messages_are_digested_by_what_they_say) {
  const std::string open = "say " + kToken, rest = " and more";
  const std::string frames =
      frame(kText, open) + frame(kFinal | kPing, "unheard") + frame(kFinal | kContinuation, rest);
  for (std::size_t piece = 1; piece <= frames.size(); ++piece) {
    MessagePipe::Config config;
    config.from = wire::WebSocketPeer::server;
    config.rules = rules();
    config.digest_key = key();
    MessagePipe pipe(config);
    std::string out;
    for (std::string_view left = frames; !left.empty();
         left.remove_prefix(std::min(piece, left.size()))) {
      BOOST_REQUIRE(!pipe.feed(left.substr(0, piece), out));
      pipe.sent();
    }
    const auto got = pipe.take_digests();
    BOOST_REQUIRE(got.before == hmac(open + rest));
    BOOST_REQUIRE(got.after == hmac("say AKIA[REDACTED:aws-access-key-id]" + rest));
  }
}

BOOST_AUTO_TEST_CASE(what_was_not_sent_of_messages_is_not_in_the_digest_of_what_was) {
  MessagePipe::Config config;
  config.from = wire::WebSocketPeer::server;
  config.rules = rules();
  config.digest_key = key();
  MessagePipe pipe(config);
  std::string out;
  BOOST_REQUIRE(!pipe.feed(frame(kFinal | kText, "one"), out));
  pipe.sent();
  BOOST_REQUIRE(!pipe.feed(frame(kFinal | kText, "two"), out));
  const auto got = pipe.take_digests();
  BOOST_TEST(got.before == hmac("onetwo"));
  BOOST_TEST(got.after == hmac("one"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
