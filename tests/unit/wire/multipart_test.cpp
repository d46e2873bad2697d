// Multipart: parts and their heads as RFC 2046 says, nothing lost however it is cut, hostile input.
#include "proxy/wire/multipart.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <vector>

using namespace sluice;
using namespace sluice::wire;
using Kind = MultipartReader::Piece::Kind;

namespace {

const std::string kType = "multipart/form-data; boundary=b";

struct Read {
  std::vector<std::string> bodies, codings;
  std::string all;
  bool balanced = true, failed = false;
  bool operator==(const Read&) const = default;
};

Read read(std::string_view in, std::size_t piece, const std::string& type = kType) {
  auto reader = MultipartReader::of(type).value().value();
  Read out;
  bool open = false;
  const auto take_all = [&] {
    for (;;) {
      const auto next = reader.next();
      out.failed = out.failed || !next;
      if (!next || !next.value()) return;
      const auto& one = *next.value();
      out.all += one.bytes;
      if (one.kind == Kind::part_begins) {
        out.balanced = out.balanced && !open;
        open = true;
        out.bodies.emplace_back();
        out.codings.push_back(reader.part().content_encoding + "|" +
                              reader.part().transfer_encoding);
      }
      if (one.kind == Kind::part_ends) {
        out.balanced = out.balanced && open;
        open = false;
      }
      if (one.kind == Kind::body) {
        out.balanced = out.balanced && open;
        out.bodies.back() += one.bytes;
      }
    }
  };
  for (; !in.empty() && !out.failed; in.remove_prefix(std::min(piece, in.size()))) {
    reader.feed(in.substr(0, piece));
    take_all();
  }
  reader.finish();
  if (!out.failed) take_all();
  return out;
}

using Texts = std::vector<std::string>;

void check(const std::string& text, const Texts& bodies, const Texts& codings = {}) {
  for (std::size_t piece = 1; piece <= text.size() + 1; ++piece) {
    const auto got = read(text, piece);
    BOOST_TEST(got.all == text);
    BOOST_TEST(got.bodies == bodies, boost::test_tools::per_element());
    if (!codings.empty()) BOOST_TEST(got.codings == codings, boost::test_tools::per_element());
    BOOST_TEST(got.balanced);
    BOOST_TEST(!got.failed);
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE(multipart)

BOOST_AUTO_TEST_CASE(bodies_and_heads) {
  check("preamble\r\n--b\r\nContent-Encoding: "
        "gzip\r\n\r\none\r\n--b\r\n\r\ntwo\r\nlines\r\n--b--\r\nrest",
        {"one", "two\r\nlines"}, {"gzip|", "|"});
  check("--b\r\n\r\n\r\n--b--", {""});
  check("--b\r\n\r\n--b--", {""});
  check("--b  \t\r\nCONTENT-transfer-Encoding :\t base64 \r\nX: y\r\n\r\nQQ==\r\n--b--", {"QQ=="},
        {"|base64"});
  check("--b\r\ncontent-encoding: br,\r\n gzip\r\n\r\nx\r\n--b--", {"x"}, {"br, gzip|"});
  check("--b\nContent-Encoding: zstd\n\nbare\nlines\n--b--\n", {"bare\nlines"}, {"zstd|"});
}

BOOST_AUTO_TEST_CASE(what_is_no_boundary) {
  check("--b\r\n\r\nx --b\r\n--bb\r\n-- b\r\n--\r\n--c\r\n\r--b\r\n--b--",
        {"x --b\r\n--bb\r\n-- b\r\n--\r\n--c\r\n\r--b"});
  check("--b\r\n\r\n--b" + std::string(70, ' ') + "\r\n--b--", {"--b" + std::string(70, ' ')});
  check("no boundary at all\r\n", {});
  check("", {});
}

BOOST_AUTO_TEST_CASE(cut_short) {
  check("--b\r\n\r\nbody\r\n--", {"body\r\n--"});
  check("--b\r\n\r\nbody\r\n--b", {"body\r\n--b"});
  check("--b\r\n\r\nbody\r\n", {"body\r\n"});
  check("--b\r\nContent-Encoding: gz", {});
  check("--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\nno part", {"x"}); // behind the end
}

BOOST_AUTO_TEST_CASE(a_head_has_a_limit) {
  const std::string head(kMaxPartHead + 1, 'h');
  for (const std::size_t piece : {std::size_t{100}, std::size_t{100'000}}) {
    BOOST_TEST(read("--b\r\n" + head, piece).failed);
    BOOST_TEST(read("--b\r\n" + head + "\r\n\r\nbody", piece).failed);
  }
  const std::string lines(20'000, '\n'); // the first ends the head
  BOOST_TEST(!read("--b\r\n" + lines, 100).failed);
}

BOOST_AUTO_TEST_CASE(boundaries_of_types) {
  const auto of = [](std::string_view type) { return MultipartReader::of(type); };
  for (const auto* type : {"application/json", "", "multipart/mixed", "multipart/x; charset=a",
                           "text/plain; boundary=b", "xmultipart/form-data; boundary=b"}) {
    BOOST_TEST_REQUIRE(of(type).has_value());
    BOOST_TEST(!of(type).value().has_value(), type);
  }
  for (const auto* type : {"multipart/form-data; boundary=", "multipart/x; boundary=a; boundary=b",
                           "multipart/x; boundary=\"a\x01\"", "multipart/x; boundary*0=a",
                           "multipart/x; boundary*=utf-8''a"}) {
    BOOST_TEST(!of(type).has_value(), type);
  }
  BOOST_TEST(!of("multipart/x; boundary=" + std::string(71, 'b')).has_value());
  for (const auto* type :
       {"Multipart/Form-Data;BOUNDARY=b", "multipart/x; a=\"; boundary=c\"; boundary=b",
        "multipart/x ; boundary = \"\\b\" ", "multipart/x; boundary=b; boundary=b",
        "multipart/x; q; boundary=b;"}) {
    BOOST_TEST(read("--b\r\n\r\nx\r\n--b--", 3, type).bodies == Texts{"x"}, type);
  }
}

BOOST_AUTO_TEST_CASE(any_cut_gives_the_same) {
  std::mt19937 random(11);
  const Texts pieces = {"--b", "\r\n", "\n", "\r", "--", "b", "x", "Content-Encoding: gzip", " "};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto n = random() % 24; n > 0; --n) text += pieces[random() % pieces.size()];
    const auto whole = read(text, text.size() + 1);
    BOOST_TEST_REQUIRE(whole.all == text);
    BOOST_TEST_REQUIRE(whole.balanced);
    for (const std::size_t piece : {1U, 2U, 3U, 5U})
      BOOST_TEST_REQUIRE((read(text, piece) == whole));
  }
}

BOOST_AUTO_TEST_SUITE_END()
