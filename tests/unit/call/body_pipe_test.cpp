// One body in one direction: decoded, redacted and encoded again, however it is cut.
#include "proxy/call/body_pipe.hpp"

#include "tests/support/coding_text.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace {

using namespace sluice;
using namespace sluice::call;
using test::encoded;
using wire::Coding;

const std::string kToken = std::string("AKIA") + "IOSFODNN7EXAMPLQ";
const std::string kMask = "AKIA[REDACTED:aws-access-key-id]";

std::shared_ptr<const redact::RuleSet> rules() {
  return redact::RuleSet::build({}).value();
}

std::string decoded(const wire::Codings& codings, const std::string& bytes) {
  const auto text = test::decoded(codings, bytes, bytes.size() + 1);
  BOOST_REQUIRE(text.has_value());
  return text.value();
}

struct Named {
  const char* field;
  wire::Codings codings; // as the bytes are, which a decoder must find out
};
const std::vector<Named> kStacks = {
    {"identity", {}},
    {"gzip", {Coding::gzip}},
    {"X-GZIP", {Coding::gzip}},
    {"deflate", {Coding::deflate}},
    {"deflate", {Coding::raw_deflate}},
    {"br", {Coding::br}},
    {"zstd", {Coding::zstd}},
    {"gzip, br", {Coding::gzip, Coding::br}},
    {"identity,zstd , gzip", {Coding::zstd, Coding::gzip}},
    {"deflate,br,zstd", {Coding::raw_deflate, Coding::br, Coding::zstd}}};

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

// Also: what was bare deflate comes out bare, for a reader that knows nothing else.
BOOST_AUTO_TEST_CASE(every_coding_there_and_back) {
  const std::string filler(30000, 'x');
  const std::string text = "{\"key\": \"" + kToken + "\"}" + filler;
  for (const auto& [field, codings] : kStacks) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
      auto pipe = redacting(field);
      const auto out = pass(pipe, encoded(codings, text), piece);
      BOOST_TEST((decoded(codings, out) == "{\"key\": \"" + kMask + "\"}" + filler), field);
      BOOST_TEST(pipe.findings().total() == 1U);
      BOOST_TEST(pipe.rewrote());
    }
  }
}

// SSE over a coding: what has been said can be read before the stream ends.
BOOST_AUTO_TEST_CASE(a_stream_is_not_kept_back) {
  for (const auto& [field, codings] : kStacks) {
    wire::Encoder upstream(codings);
    wire::Decoder agent(codings);
    auto pipe = redacting(field);
    for (const std::string event : {"data: one\n\n", "data: two\n\n", "data: three\n\n"}) {
      std::string in, out, text;
      upstream.feed(event, wire::Encoder::Flush::sync, in);
      BOOST_REQUIRE(pipe.feed(in, out).has_value());
      BOOST_REQUIRE(agent.feed(out, [&](std::string_view some) { text += some; }).has_value());
      BOOST_TEST(text == event, field);
    }
  }
}

// A body of no bytes stays one: it may go out under `Content-Length: 0`.
BOOST_AUTO_TEST_CASE(nothing_stays_nothing) {
  for (const auto& [field, codings] : kStacks) {
    auto pipe = redacting(field);
    BOOST_TEST(pass(pipe, "", 1) == "", field);
  }
}

BOOST_AUTO_TEST_CASE(an_encoded_nothing_stays_readable) {
  for (const auto& [field, codings] : kStacks) {
    auto pipe = redacting(field);
    BOOST_TEST(decoded(codings, pass(pipe, encoded(codings, ""), 1)) == "", field);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_refused) {
  for (const auto* coding : {"compress", "dcb", "gzip;q=1", "gzip br", "aes128gcm", "gzip, unknown",
                             "gzip, gzip, gzip, gzip"}) {
    const auto pipe = BodyPipe::redacting(rules(), coding);
    BOOST_REQUIRE_MESSAGE(!pipe.has_value(), coding);
    BOOST_TEST(pipe.error().code == "content_undecodable");
    BOOST_CHECK(pipe.error().origin == Origin::downstream);
  }
}

BOOST_AUTO_TEST_CASE(what_was_rewritten) {
  auto clean = redacting("");
  pass(clean, "nothing here", 4);
  BOOST_TEST(!clean.rewrote());
  auto masked = redacting("");
  pass(masked, kToken, 4);
  BOOST_TEST(masked.rewrote());
  BOOST_TEST(!BodyPipe().rewrote());
}

BOOST_AUTO_TEST_CASE(damage_is_an_error_and_stays_one) {
  auto pipe = redacting("gzip");
  std::string out;
  BOOST_TEST(!pipe.feed("this is not gzip", out).has_value());
  BOOST_TEST(out.empty());
  BOOST_TEST(!pipe.feed(encoded({Coding::gzip}, "late"), out).has_value());
  BOOST_TEST(!pipe.finish(out).has_value());
  BOOST_TEST(out.empty());
}

BOOST_AUTO_TEST_CASE(cut_short_anywhere_is_an_error) {
  for (const auto& [field, codings] : kStacks) {
    if (codings.empty()) continue;
    const auto whole = encoded(codings, "some text and " + kToken);
    for (std::size_t size = 1; size < whole.size(); ++size) {
      auto pipe = redacting(field);
      std::string out;
      const bool fed = pipe.feed(whole.substr(0, size), out).has_value();
      BOOST_TEST(!(fed && pipe.finish(out).has_value()), field << " at " << size);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_bomb_is_an_error) {
  for (const auto& [field, codings] : kStacks) {
    if (codings.empty()) continue;
    auto pipe = redacting(field);
    std::string out;
    const auto fed = pipe.feed(encoded(codings, std::string(16U << 20, '\0')), out);
    BOOST_REQUIRE_MESSAGE(!fed.has_value(), field);
    BOOST_TEST(fed.error().code == "content_bomb");
    BOOST_TEST(out.empty());
  }
}

// Secrets first, then addresses, whatever the coding and the cuts.
BOOST_AUTO_TEST_CASE(addresses_change_behind_redaction) {
  auto table = std::make_shared<UrlTable>();
  BOOST_TEST(table->add("http://127.0.0.1:20000", "amber://route/x") == "");
  const std::string text =
      "{\"u\":\"http://localhost:20000/?k=" + kToken + "\",\"v\":\"http://[::1]:20000\"}";
  for (const auto& [field, codings] : kStacks) {
    for (const std::size_t piece : {1U, 2U, 7U, 1000U}) {
      auto pipe = redacting(field);
      BOOST_TEST(pipe.rewrite(UrlRewriter(table), field));
      const auto out = decoded(codings, pass(pipe, encoded(codings, text), piece));
      BOOST_TEST(out == "{\"u\":\"amber://route/x/?k=" + kMask + "\",\"v\":\"amber://route/x\"}");
      BOOST_TEST(pipe.rewrote());
      BodyPipe alone;
      BOOST_TEST(alone.rewrite(UrlRewriter(table), field));
      const auto kept = decoded(codings, pass(alone, encoded(codings, text), piece));
      BOOST_TEST(kept == "{\"u\":\"amber://route/x/?k=" + kToken + "\",\"v\":\"amber://route/x\"}");
    }
  }
  BodyPipe unknown;
  BOOST_TEST(!unknown.rewrite(UrlRewriter(table), "lzw"));
  BOOST_TEST(pass(unknown, text, 3) == text);
  BOOST_TEST(!unknown.rewrote());
}

BOOST_AUTO_TEST_SUITE_END()
