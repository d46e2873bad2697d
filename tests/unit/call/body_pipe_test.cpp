// One body in one direction: decoded, redacted and encoded again, however it is cut.
#include "proxy/call/body_pipe.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

namespace {

using namespace sluice;
using namespace sluice::call;
using wire::Coding;

const std::string kToken = std::string("AKIA") + "IOSFODNN7EXAMPLQ";
const std::string kMask = "[REDACTED:aws-access-key-id]";

std::shared_ptr<const redact::RuleSet> rules() {
  return redact::RuleSet::build({}).value();
}

std::string encoded(Coding coding, const std::string& text) {
  wire::Encoder encoder(coding);
  std::string out;
  encoder.feed(text, wire::Encoder::Flush::none, out);
  encoder.finish(out);
  return out;
}

std::string decoded(Coding coding, const std::string& bytes) {
  wire::Decoder decoder(coding);
  std::string out;
  BOOST_REQUIRE(decoder.feed(bytes, out).has_value());
  BOOST_REQUIRE(decoder.finish().has_value());
  return out;
}

std::string pass(BodyPipe& pipe, std::string_view in, std::size_t piece) {
  std::string out;
  for (; !in.empty(); in.remove_prefix(std::min(piece, in.size()))) {
    BOOST_REQUIRE(pipe.feed(in.substr(0, piece), out).has_value());
  }
  BOOST_REQUIRE(pipe.finish(out).has_value());
  return out;
}

BodyPipe redacting(const char* coding) {
  return BodyPipe::redacting(rules(), coding).value();
}

} // namespace

BOOST_AUTO_TEST_SUITE(body_pipe)

BOOST_AUTO_TEST_CASE(without_redaction_bytes_pass_unread) {
  BodyPipe pipe;
  const std::string bytes("\0\x1f\x8b not gzip", 12);
  BOOST_TEST(pass(pipe, bytes, 3) == bytes);
  BOOST_TEST(pipe.findings().empty());
}

BOOST_AUTO_TEST_CASE(redacts_and_counts_however_cut) {
  for (std::size_t piece = 1; piece <= 64; ++piece) {
    auto pipe = redacting("");
    BOOST_TEST(pass(pipe, "a " + kToken + " b " + kToken, piece) == "a " + kMask + " b " + kMask);
    BOOST_TEST(pipe.findings().total() == 2U);
  }
}

BOOST_AUTO_TEST_CASE(every_coding_there_and_back) {
  const std::string text = "{\"key\": \"" + kToken + "\"}" + std::string(100000, 'x');
  for (const auto& [name, coding] : {std::pair{"gzip", Coding::gzip},
                                     {"x-gzip", Coding::gzip},
                                     {"GZIP", Coding::gzip},
                                     {"deflate", Coding::deflate},
                                     {"identity", Coding::identity}}) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
      auto pipe = redacting(name);
      const auto out = pass(pipe, encoded(coding, text), piece);
      BOOST_TEST(
          (decoded(coding, out) == "{\"key\": \"" + kMask + "\"}" + std::string(100000, 'x')));
      BOOST_TEST(pipe.findings().total() == 1U);
    }
  }
}

// SSE over gzip: what has been said can be read before the stream ends.
BOOST_AUTO_TEST_CASE(a_stream_is_not_kept_back) {
  wire::Encoder encoder(Coding::gzip);
  std::string event, out, text;
  encoder.feed("data: one\n\n", wire::Encoder::Flush::sync, event);
  auto pipe = redacting("gzip");
  BOOST_REQUIRE(pipe.feed(event, out).has_value());
  wire::Decoder agent(Coding::gzip);
  BOOST_REQUIRE(agent.feed(out, text).has_value());
  BOOST_TEST(text == "data: one\n\n");
}

// A body of no bytes stays one: it may go out under `Content-Length: 0`.
BOOST_AUTO_TEST_CASE(nothing_stays_nothing) {
  for (const auto* coding : {"", "identity", "gzip", "deflate"}) {
    auto pipe = redacting(coding);
    BOOST_TEST(pass(pipe, "", 1) == "", coding);
  }
}

BOOST_AUTO_TEST_CASE(an_encoded_nothing_stays_readable) {
  for (const auto& [name, coding] :
       {std::pair{"gzip", Coding::gzip}, {"deflate", Coding::deflate}}) {
    auto pipe = redacting(name);
    BOOST_TEST(decoded(coding, pass(pipe, encoded(coding, ""), 1)) == "", name);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_refused) {
  for (const auto* coding : {"br", "zstd", "compress", "gzip, gzip", "gzip, identity", "gzip;q=1",
                             ",", "gzip,", "aes128gcm"}) {
    const auto pipe = BodyPipe::redacting(rules(), coding);
    BOOST_REQUIRE_MESSAGE(!pipe.has_value(), coding);
    BOOST_TEST(pipe.error().code == "content_undecodable");
    BOOST_CHECK(pipe.error().origin == Origin::downstream);
  }
}

BOOST_AUTO_TEST_CASE(damage_is_an_error_and_stays_one) {
  auto pipe = redacting("gzip");
  std::string out;
  BOOST_TEST(!pipe.feed("this is not gzip", out).has_value());
  BOOST_TEST(out.empty());
  BOOST_TEST(!pipe.feed(encoded(Coding::gzip, "late"), out).has_value());
  BOOST_TEST(!pipe.finish(out).has_value());
  BOOST_TEST(out.empty());
}

BOOST_AUTO_TEST_CASE(cut_short_anywhere_is_an_error) {
  const auto whole = encoded(Coding::gzip, "some text and " + kToken);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    auto pipe = redacting("gzip");
    std::string out;
    const bool fed = pipe.feed(whole.substr(0, size), out).has_value();
    BOOST_TEST(!(fed && pipe.finish(out).has_value()), size);
  }
}

BOOST_AUTO_TEST_CASE(a_bomb_is_an_error) {
  auto pipe = redacting("gzip");
  std::string out;
  const auto fed = pipe.feed(encoded(Coding::gzip, std::string(16U << 20, '\0')), out);
  BOOST_REQUIRE(!fed.has_value());
  BOOST_TEST(fed.error().code == "content_bomb");
  BOOST_TEST(out.empty());
}

BOOST_AUTO_TEST_SUITE_END()
