// What becomes of a head on its way through.
#include "proxy/call/head_rules.hpp"

#include "proxy/wire/http1.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace sluice;
using namespace sluice::call;

const std::string kToken = std::string("AKIA") + "IOSFODNN7EXAMPLQ";
const std::string kSecret = "correct-horse-battery";

HeadRedaction redaction(const std::string& placeholder = redact::RuleSetConfig().placeholder) {
  redact::RuleSetConfig config;
  config.placeholder = placeholder;
  config.known.push_back({"vault", Secret(kSecret), false});
  HeadRedaction out;
  out.everywhere = redact::RuleSet::build(config).value();
  config.token_formats = false;
  out.credentials = redact::RuleSet::build(config).value();
  return out;
}

model::Destination api(std::uint16_t port = 443) {
  return {model::Scheme::https, model::Host::parse("api.test").value(), port};
}

using FieldList = std::vector<std::pair<std::string, std::string>>;

wire::RequestHead request(const FieldList& fields) {
  wire::RequestHead head;
  head.method = "GET";
  head.target = "/as-received";
  head.version = wire::Version::http10;
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  return head;
}

struct Prepared {
  wire::RequestHead head;
  FindingList findings;
};

Prepared prepare(const FieldList& fields, const HeadRedaction& rules, std::string target = "/") {
  Prepared out{request(fields), {}};
  prepare_request(out.head, std::move(target), api(), rules, out.findings);
  return out;
}

struct Answered {
  wire::ResponseHead head;
  FindingList findings;
};

Answered answer(const FieldList& fields, const HeadRedaction& rules) {
  Answered out;
  out.head.status = 200;
  out.head.reason = "OK";
  for (const auto& [name, value] : fields) out.head.fields.add(name, value);
  prepare_response(out.head, rules, out.findings);
  return out;
}

std::string only(const wire::Head& head, const char* name) {
  return std::string(head.fields.only(name).value_or("(none)"));
}

bool mentions(const wire::Fields& fields, const std::string& text) {
  return std::any_of(fields.all().begin(), fields.all().end(), [&](const wire::Field& field) {
    return field.name.find(text) != std::string::npos ||
           field.value.find(text) != std::string::npos;
  });
}

} // namespace

BOOST_AUTO_TEST_SUITE(head_rules)

BOOST_AUTO_TEST_CASE(the_upstream_is_told_who_it_is) {
  const auto sent = prepare({{"Host", "spelled.Differently"}}, {}, "/v1");
  BOOST_TEST(only(sent.head, "host") == "api.test");
  BOOST_TEST(sent.head.target == "/v1");
  BOOST_CHECK(sent.head.version == wire::Version::http11);
  BOOST_TEST(sent.head.keep_alive);
  auto head = request({});
  FindingList findings;
  prepare_request(head, "/", api(8443), {}, findings);
  BOOST_TEST(only(head, "host") == "api.test:8443");
}

BOOST_AUTO_TEST_CASE(what_ends_at_this_hop) {
  const FieldList fields{{"Connection", "close, X-Hop"},
                         {"X-Hop", "1"},
                         {"Keep-Alive", "timeout=5"},
                         {"Proxy-Connection", "keep-alive"},
                         {"Proxy-Authorization", "x"},
                         {"TE", "trailers"},
                         {"Upgrade", "h2c"},
                         {"HTTP2-Settings", "x"},
                         {"Trailer", "X"},
                         {"Expect", "100-continue"},
                         {"X-Kept", "1"}};
  const auto sent = prepare(fields, {});
  BOOST_TEST(sent.head.fields.all().size() == 2U); // and Host
  BOOST_TEST(only(sent.head, "x-kept") == "1");
  const auto got = answer({{"Connection", "X-Hop"}, {"X-Hop", "1"}, {"X-Kept", "1"}}, {});
  BOOST_TEST(got.head.fields.all().size() == 1U);
}

// Redaction must be able to read what comes back, and all of it.
BOOST_AUTO_TEST_CASE(only_codings_and_ranges_that_can_be_read) {
  const auto rules = redaction();
  const FieldList ranged{{"Range", "bytes=0-4"},
                         {"If-Range", "\"x\""},
                         {"A-IM", "vcdiff"},
                         {"Accept-Encoding", "br, dcz"}};
  const auto sent = prepare(ranged, rules);
  for (const auto* name : {"range", "if-range", "a-im"})
    BOOST_TEST(sent.head.fields.count(name) == 0U, name);
  BOOST_TEST(only(sent.head, "accept-encoding") == "br");
  BOOST_TEST(only(prepare({}, rules).head, "accept-encoding") == "identity");
  const FieldList twice{{"Accept-Encoding", "compress, br"}, {"accept-encoding", "gzip;q=0.5"}};
  BOOST_TEST(only(prepare(twice, rules).head, "accept-encoding") == "br, gzip;q=0.5");
  const auto untouched = prepare(ranged, {});
  BOOST_TEST(only(untouched.head, "range") == "bytes=0-4");
  BOOST_TEST(only(untouched.head, "accept-encoding") == "br, dcz");
}

// Nobody may read the coding of what we send in another way than we wrote it.
BOOST_AUTO_TEST_CASE(the_coding_is_said_plainly) {
  const FieldList fields{{"Content-Encoding", "X-GZip ,"}, {"content-encoding", "identity, BR"}};
  BOOST_TEST(only(answer(fields, redaction()).head, "content-encoding") == "gzip, br");
  BOOST_TEST(answer(fields, {}).head.fields.all().size() == 2U);
  BOOST_TEST(only(answer({{"Content-Encoding", "identity"}}, redaction()).head,
                  "content-encoding") == "(none)");
  auto head = request(fields);
  head.framing = wire::BodyFraming::chunked;
  FindingList findings;
  prepare_request(head, "/", api(), redaction(), findings);
  BOOST_TEST(only(head, "content-encoding") == "gzip, br");
}

BOOST_AUTO_TEST_CASE(secrets_leave_fields_and_names) {
  const auto sent = prepare({{"X-Note", "see " + kToken + " and " + kSecret},
                             {"X-" + kSecret, "1"},
                             {"User-Agent", "plain"}},
                            redaction());
  BOOST_TEST(!mentions(sent.head.fields, kToken));
  BOOST_TEST(!mentions(sent.head.fields, kSecret));
  BOOST_TEST(only(sent.head, "x-note") ==
             "see AKIA[REDACTED:aws-access-key-id] and [REDACTED:secret:vault]");
  BOOST_TEST(only(sent.head, "user-agent") == "plain");
  BOOST_REQUIRE(sent.findings.size() == 1U); // one entry a place
  BOOST_TEST(sent.findings[0].direction == "request");
  BOOST_TEST(sent.findings[0].location == "header");
  BOOST_TEST(sent.findings[0].findings.total() == 3U);
  std::string bytes;
  encode(sent.head, bytes); // throws if a masked name is no token
  BOOST_TEST(bytes.find("REDACTED") != std::string::npos);
}

// The agent's own login to this host passes there; a secret it was never given does not.
BOOST_AUTO_TEST_CASE(credentials_keep_their_tokens_but_not_our_secrets) {
  for (const auto* name :
       {"Authorization", "Cookie", "X-Api-Key", "X-Goog-Api-Key", "Sec-WebSocket-Protocol"}) {
    const auto sent = prepare({{name, "Bearer " + kToken}}, redaction());
    BOOST_TEST(only(sent.head, name) == "Bearer " + kToken);
    BOOST_TEST(sent.findings.empty());
    const auto leak = prepare({{name, "Bearer " + kSecret}}, redaction());
    BOOST_TEST(only(leak.head, name) == "Bearer [REDACTED:secret:vault]");
    BOOST_TEST(leak.findings.size() == 1U);
  }
}

BOOST_AUTO_TEST_CASE(secrets_leave_the_target) {
  const auto sent = prepare({}, redaction(), "/a?k=" + kToken + "&s=" + kSecret + "&x=1");
  BOOST_TEST(sent.head.target ==
             "/a?k=AKIA%5bREDACTED:aws-access-key-id%5d&s=%5bREDACTED:secret:vault%5d&x=1");
  BOOST_REQUIRE(sent.findings.size() == 1U);
  BOOST_TEST(sent.findings[0].location == "url");
  BOOST_TEST(prepare({}, redaction(), "/a?f[x]=1").head.target == "/a?f[x]=1"); // as it was
}

// The placeholder is the operator's; whatever it is, the target stays one the upstream can read.
BOOST_AUTO_TEST_CASE(any_placeholder_fits_a_target) {
  for (const auto* placeholder : {"<gone #1>", "{x}", "\xe2\x96\x88", "a b\tc", "\"\\^`|"}) {
    auto sent = prepare({}, redaction(placeholder), "/a?k=" + kToken);
    BOOST_TEST_CONTEXT(sent.head.target) {
      BOOST_TEST(sent.findings.size() == 1U);
      BOOST_TEST(sent.head.target.find('#') == std::string::npos);
      std::string bytes;
      BOOST_CHECK_NO_THROW(encode(sent.head, bytes));
    }
  }
}

BOOST_AUTO_TEST_CASE(answers_are_redacted_too) {
  const auto got =
      answer({{"X-Note", kToken}, {"Set-Cookie", "id=" + kToken}, {"X", kSecret}}, redaction());
  BOOST_TEST(only(got.head, "x-note") == "AKIA[REDACTED:aws-access-key-id]");
  BOOST_TEST(only(got.head, "set-cookie") == "id=" + kToken);
  BOOST_TEST(only(got.head, "x") == "[REDACTED:secret:vault]");
  BOOST_TEST(got.head.reason == "OK");
  Answered reason;
  reason.head.status = 200;
  reason.head.reason = "it is " + kSecret;
  prepare_response(reason.head, redaction(), reason.findings);
  BOOST_TEST(reason.head.reason == "it is [REDACTED:secret:vault]");
  BOOST_REQUIRE(reason.findings.size() == 1U);
  BOOST_TEST(reason.findings[0].direction == "response");
}

BOOST_AUTO_TEST_CASE(digests_of_a_body_that_may_change_are_dropped) {
  const FieldList digests{{"Content-MD5", "x"},         {"Digest", "x"},
                          {"Content-Digest", "x"},      {"Repr-Digest", "x"},
                          {"Accept-Ranges", "x"},       {"ETag", "\"x\""},
                          {"Content-Encoding", "gzip"}, {"X-Amz-Checksum-CRC32", "x"}};
  const auto got = answer(digests, redaction());
  BOOST_TEST(got.head.fields.all().size() == 2U);
  BOOST_TEST(only(got.head, "etag") == "W/\"x\"");
  const auto untouched = answer(digests, {});
  BOOST_TEST(untouched.head.fields.all().size() == 8U);
  BOOST_TEST(only(untouched.head, "etag") == "\"x\"");
  BOOST_TEST(only(answer({{"ETag", "W/\"x\""}}, redaction()).head, "etag") == "W/\"x\"");
}

// What a HEAD or a 304 may say of a body that does not come.
BOOST_AUTO_TEST_CASE(length_of_a_body_that_does_not_come) {
  const auto length = [](const FieldList& fields, const HeadRedaction& rules) {
    auto got = answer(fields, {});
    return length_without_body(got.head, rules).value_or(0);
  };
  BOOST_TEST(length({{"Content-Length", "12"}}, redaction()) == 12U);
  BOOST_TEST(length({{"Content-Length", "12"}, {"Content-Encoding", "br"}}, {}) == 12U);
  BOOST_TEST(length({{"Content-Length", "12"}, {"Content-Encoding", "br"}}, redaction()) == 0U);
  BOOST_TEST(length({{"Content-Length", "1x"}}, redaction()) == 0U);
  BOOST_TEST(length({}, redaction()) == 0U);
}

BOOST_AUTO_TEST_CASE(trailers) {
  wire::Fields fields;
  fields.add("X-Sum", kSecret);
  fields.add("X-Plain", "1");
  fields.add("Repr-Digest", "x");
  FindingList findings;
  redact_trailers(fields, redaction(), "response", findings);
  BOOST_TEST(fields.count("repr-digest") == 0U);
  BOOST_TEST(*fields.only("x-sum") == "[REDACTED:secret:vault]");
  BOOST_TEST(*fields.only("x-plain") == "1");
  BOOST_REQUIRE(findings.size() == 1U);
  BOOST_TEST(findings[0].location == "trailer");
}

BOOST_AUTO_TEST_SUITE_END()
