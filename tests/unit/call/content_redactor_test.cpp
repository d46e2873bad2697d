// Content by its type: parts of a multipart body that have an encoding of their own.
#include "proxy/call/content_redactor.hpp"

#include "policy/base/bytes.hpp"
#include "tests/support/coding_text.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>

namespace {

using namespace sluice;
using namespace sluice::call;
using wire::Coding;

const std::string kToken = std::string("AKIA") + "IOSFODNN7EXAMPLQ";
const std::string kMask = "AKIA[REDACTED:aws-access-key-id]";
const std::string kType = "multipart/form-data; boundary=b";

std::shared_ptr<const redact::RuleSet> rules() {
  static const auto built = redact::RuleSet::build({}).value();
  return built;
}

struct Passed {
  std::string text, code; // of the error
  std::uint64_t found = 0;
  bool rewrote = false;
};

Passed pass(std::string_view in, std::size_t piece, const std::string& type = kType) {
  auto redactor = ContentRedactor::make(rules(), type).value();
  Passed out;
  Result<> went = success();
  for (; went && !in.empty(); in.remove_prefix(std::min(piece, in.size()))) {
    went = redactor.feed(in.substr(0, piece), out.text);
  }
  if (went) went = redactor.finish(out.text);
  if (!went) out.code = went.error().code;
  out.found = redactor.findings().total();
  out.rewrote = redactor.rewrote();
  return out;
}

std::string part(const std::string& head, const std::string& body) {
  return "--b\r\nContent-Disposition: form-data; name=x\r\n" + head + "\r\n" + body + "\r\n";
}

void each_cut(const std::string& text, const std::function<void(const Passed&)>& check) {
  for (std::size_t piece = 1; piece <= text.size(); piece += 1 + piece / 8)
    check(pass(text, piece));
}

} // namespace

BOOST_AUTO_TEST_SUITE(content_redactor)

BOOST_AUTO_TEST_CASE(text_and_heads_of_parts) {
  const auto body = [](const std::string& token) {
    return part("X: " + token + "\r\n", "key " + token) +
           part("Content-Transfer-Encoding: BINARY\r\n", token) + "--b--\r\n" + token;
  };
  each_cut(body(kToken), [&](const Passed& got) {
    BOOST_TEST(got.text == body(kMask));
    BOOST_TEST(got.found == 4U);
    BOOST_TEST(got.rewrote);
  });
  each_cut(body("clean"), [&](const Passed& got) {
    BOOST_TEST(got.text == body("clean"));
    BOOST_TEST(!got.rewrote);
  });
}

BOOST_AUTO_TEST_CASE(a_part_with_a_coding_of_its_own) {
  struct Coded {
    std::string name;
    wire::Codings codings;
  };
  for (const auto& coded : {Coded{"gzip", {Coding::gzip}}, Coded{"Br", {Coding::br}},
                            Coded{"zstd, gzip", {Coding::zstd, Coding::gzip}}}) {
    const auto& codings = coded.codings;
    const auto head = "Content-Encoding: " + coded.name + "\r\n";
    const auto before = part("", "plain " + kToken) + "--b\r\n" + head + "\r\n";
    const auto after = "\r\n" + part("", kToken) + "--b--\r\n";
    each_cut(before + test::encoded(codings, "in " + kToken + " it") + after,
             [&](const Passed& got) {
               const auto from = got.text.find(head) + head.size() + 2;
               const auto end = got.text.find("\r\n--b\r\n", from);
               BOOST_TEST_REQUIRE(end != std::string::npos);
               const auto text = test::decoded(codings, got.text.substr(from, end - from), 1000);
               BOOST_TEST_REQUIRE(text.has_value());
               BOOST_TEST(text.value() == "in " + kMask + " it");
               BOOST_TEST(got.text.starts_with(part("", "plain " + kMask)));
               BOOST_TEST(got.text.ends_with(part("", kMask) + "--b--\r\n"));
               BOOST_TEST(got.found == 3U);
               BOOST_TEST(got.rewrote);
             });
  }
}

BOOST_AUTO_TEST_CASE(quoted_printable_is_read_and_written_again) {
  const auto head = std::string("Content-Transfer-Encoding: Quoted-Printable\r\n");
  const auto hidden = "a=3Db =41KIA" + kToken.substr(4, 5) + "=\r\n" + kToken.substr(9);
  each_cut(part(head, hidden) + "--b--", [&](const Passed& got) {
    BOOST_TEST(got.text == part(head, "a=3Db " + kMask) + "--b--");
    BOOST_TEST(got.found == 1U);
  });
}

BOOST_AUTO_TEST_CASE(base64_is_read_where_it_stands) {
  const auto head = std::string("Content-Transfer-Encoding: base64\r\n");
  const auto body = part(head, to_base64("the key " + kToken + " leaks")) + "--b--";
  const auto got = pass(body, 7);
  BOOST_TEST(got.found == 1U);
  BOOST_TEST(got.text != body);
}

BOOST_AUTO_TEST_CASE(what_begins_in_a_part_ends_with_it) {
  const auto body =
      part("", "if line == '-----BEGIN RSA PRIVATE KEY-----") + part("", "two") + "--b--\r\n";
  each_cut(body, [&](const Passed& got) {
    BOOST_TEST(got.text.ends_with("\r\n" + part("", "two") + "--b--\r\n"));
    BOOST_TEST(got.text.find("[REDACTED:pem-private-key]") != std::string::npos);
  });
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_refused) {
  for (const auto* head :
       {"Content-Encoding: rot13\r\n", "Content-Transfer-Encoding: x-uuencode\r\n",
        "Content-Encoding: gzip\r\nContent-Transfer-Encoding: base64\r\n",
        "Content-Encoding: gzip, gzip, gzip, gzip\r\n",
        "Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: quoted-printable\r\n"}) {
    const auto text = part(head, kToken) + "--b--";
    for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}}) {
      const auto got = pass(text, piece);
      BOOST_TEST(got.code == "content_undecodable", head);
      BOOST_TEST(got.text.find(kToken) == std::string::npos);
    }
  }
  for (const auto* body : {"not gzip at all", "", "\x1f\x8b\x08"}) {
    const auto got = pass(part("Content-Encoding: gzip\r\n", body) + "--b--", 1000);
    BOOST_TEST((got.code == "content_undecodable") == (*body != 0), body);
  }
  BOOST_TEST(!ContentRedactor::make(rules(), "multipart/x; boundary=a; boundary=b").has_value());
}

BOOST_AUTO_TEST_CASE(a_part_that_is_cut_short_is_no_part) {
  const auto whole = test::encoded({Coding::gzip}, kToken);
  const auto got =
      pass("--b\r\nContent-Encoding: gzip\r\n\r\n" + whole.substr(0, whole.size() - 3), 9);
  BOOST_TEST(got.code == "content_undecodable");
}

BOOST_AUTO_TEST_SUITE_END()
