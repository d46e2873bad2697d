// Addresses put in the place of others: where one begins and ends, how it may be written, and that
// nothing depends on how the text is cut.
#include "proxy/call/url_rewriter.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <vector>

namespace {

using namespace sluice::call;
using Table = std::shared_ptr<const UrlTable>;

Table table(const std::vector<std::pair<std::string, std::string>>& rows) {
  auto out = std::make_shared<UrlTable>();
  for (const auto& [from, to] : rows) BOOST_TEST(out->add(from, to) == "");
  return out;
}

const std::string kLocal = "http://127.0.0.1:20000";
const std::string kRoute = "amber://route/cm91dGU";

Table up() {
  return table({{kLocal, kRoute}});
}
Table down() {
  return table({{kRoute, kLocal}});
}

std::string in_pieces(const Table& of, std::string_view text, std::size_t piece) {
  UrlRewriter rewriter(of);
  std::string out;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
    rewriter.feed(text.substr(0, piece), out);
  rewriter.finish(out);
  return out;
}

std::string cut_at(const Table& of, std::string_view text, std::size_t first, std::size_t second) {
  UrlRewriter rewriter(of);
  std::string out;
  rewriter.feed(text.substr(0, first), out);
  rewriter.feed(text.substr(first, second - first), out);
  rewriter.feed(text.substr(second), out);
  rewriter.finish(out);
  return out;
}

std::string up_of(std::string_view text) {
  return rewrite_urls(up(), text);
}

} // namespace

BOOST_AUTO_TEST_SUITE(url_rewriter)

BOOST_AUTO_TEST_CASE(an_address_is_replaced_and_the_rest_stays) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {kLocal, kRoute},
      {"{\"url\":\"" + kLocal + "/a2a?x=1#y\"}", "{\"url\":\"" + kRoute + "/a2a?x=1#y\"}"},
      {"<" + kLocal + ">; rel=next", "<" + kRoute + ">; rel=next"},
      {"see " + kLocal + ". And (" + kLocal + "), " + kLocal,
       "see " + kRoute + ". And (" + kRoute + "), " + kRoute},
      {"HTTP://127.0.0.1:20000/A", kRoute + "/A"},
      {"http://LocalHost:20000/a", kRoute + "/a"},
      {"http://[::1]:20000/a http://0.0.0.0:20000", kRoute + "/a " + kRoute},
      {"http:\\/\\/127.0.0.1:20000\\/x", "amber:\\/\\/route\\/cm91dGU\\/x"},
      {"{\"t\":\"a\\n" + kLocal + "\\nb\"}", "{\"t\":\"a\\n" + kRoute + "\\nb\"}"},
      {"\\u003c" + kLocal + "\\u003e", "\\u003c" + kRoute + "\\u003e"},
      {"{\\\"u\\\":\\\"" + kLocal + "\\\"}", "{\\\"u\\\":\\\"" + kRoute + "\\\"}"},
      {"访问" + kLocal + "。", "访问" + kRoute + "。"},
      {"?u=" + kLocal + "&v=" + kLocal, "?u=" + kRoute + "&v=" + kRoute},
      {kLocal + kLocal, kLocal + kLocal},
      {kLocal + " " + kLocal, kRoute + " " + kRoute},
      {"http://http://127.0.0.1:20000", "http://http://127.0.0.1:20000"},
      {"http " + kLocal + " http", "http " + kRoute + " http"},
  };
  for (const auto& [text, expected] : cases) BOOST_TEST(up_of(text) == expected);
}

BOOST_AUTO_TEST_CASE(what_is_part_of_something_longer_stays) {
  for (const std::string& text : {kLocal + "1",
                                  "x" + kLocal,
                                  kLocal + ".example",
                                  kLocal + ".5",
                                  kLocal + "-a",
                                  kLocal + "_",
                                  kLocal + "@evil.example",
                                  kLocal + ":80",
                                  kLocal + "%41",
                                  kLocal + "\\u0031",
                                  "a." + kLocal,
                                  "-" + kLocal,
                                  "+" + kLocal,
                                  "/" + kLocal,
                                  ":" + kLocal,
                                  "@" + kLocal,
                                  "%20" + kLocal,
                                  "\\u0061" + kLocal,
                                  std::string("http://127.0.0.1:2000"),
                                  std::string("http://127.0.0.1"),
                                  std::string("https://127.0.0.1:20000"),
                                  std::string("http:/127.0.0.1:20000"),
                                  std::string("http:\\u002f\\u002f127.0.0.1:20000"),
                                  std::string("http%3A%2F%2F127.0.0.1%3A20000"),
                                  std::string("127.0.0.1:20000"),
                                  std::string("http://127.0.0.2:20000"),
                                  std::string("http:\\x//127.0.0.1:20000")})
    BOOST_TEST(up_of(text) == text);
}

BOOST_AUTO_TEST_CASE(the_longest_address_is_meant_and_a_path_has_its_case) {
  const auto of = table({{"http://agent.example", "http://one"},
                         {"http://agent.example/a", "http://two/"},
                         {"http://agent.example/a/b/", "https://three:444/x"}});
  const auto said = [&](std::string_view text) { return rewrite_urls(of, text); };
  BOOST_TEST(said("http://agent.example/c") == "http://one/c");
  BOOST_TEST(said("http://AGENT.example/a/c") == "http://two/c");
  BOOST_TEST(said("http://agent.example/a/b/c") == "https://three:444/x/c");
  BOOST_TEST(said("http://agent.example/a/b") == "https://three:444/x");
  BOOST_TEST(said("http://agent.example/A/b") == "http://one/A/b");
  BOOST_TEST(said("http://agent.example/ab") == "http://one/ab");
  BOOST_TEST(said("http://agent.example:80/a") == "http://two");
  BOOST_TEST(said("http://agent.example:8080/a") == "http://agent.example:8080/a");
  BOOST_TEST(said("http://agent.exampl\xc3\xa9/") == "http://agent.exampl\xc3\xa9/");
  BOOST_TEST(said("http://agent.example\xc3\xa9/") == "http://agent.example\xc3\xa9/");
}

BOOST_AUTO_TEST_CASE(no_cut_changes_what_comes_out) {
  const auto of = table({{kLocal, kRoute},
                         {kLocal + "/deep/path", "https://other.example/p"},
                         {kRoute, kLocal},
                         {"https://a.example", "http://b"}});
  const std::vector<std::string> texts = {
      kLocal + "/deep/pat " + kLocal + "/deep/path " + kLocal + "/deep/path/x",
      "hhttp://127 http://http:\\/\\/127.0.0.1:20000\\/deep\\/path\\u0022http:\\/\\/[::1]:20000\\",
      "amber://route/cm91dGU. amber://route/cm91dGU.x amber:\\/\\/route\\/cm91dGU\\u002",
      "\\u003c" + kLocal + "\\u003e\\n" + kLocal + "\\u00",
      "https://a.example:443https://a.example https://A.EXAMPLE.",
      std::string("\0http", 5) + "://127.0.0.1:20000\x80\xff:" + kLocal + "\xe3\x80\x82",
      ":::http:http:http://localhost:20000h",
      "data: {\"u\":\"" + kLocal + "\"}\n\ndata: [DONE]\n\n"};
  for (const auto& text : texts) {
    const auto whole = rewrite_urls(of, text);
    for (std::size_t piece = 1; piece < text.size(); ++piece)
      BOOST_TEST(in_pieces(of, text, piece) == whole);
    for (std::size_t first = 0; first <= text.size(); ++first) {
      for (auto second = first; second <= text.size(); ++second)
        BOOST_REQUIRE_EQUAL(cut_at(of, text, first, second), whole);
    }
  }
}

// Words that make and break addresses, in any order and cut anywhere.
BOOST_AUTO_TEST_CASE(nothing_random_depends_on_cuts_or_is_lost) {
  const std::vector<std::string> words = {
      kLocal,      kRoute,  "http", "amber", "https",   ":", "/", "//", "\\/", "\\",
      "\\u0022",   "\\u00", "u",    "n",     "\"",      " ", ".", "h",  "a",   "127.0.0.1:20000",
      "localhost", "/x",    "1",    "\n",    "\xc3\xa9"};
  const auto forth = up(), back = down(), none = table({{"http://never.example", "http://x"}});
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (auto count = random() % 12; count > 0; --count) text += words[random() % words.size()];
    const auto whole = rewrite_urls(forth, text);
    const auto first = random() % (text.size() + 1);
    const auto second = first + random() % (text.size() - first + 1);
    BOOST_REQUIRE_EQUAL(cut_at(forth, text, first, second), whole);
    BOOST_REQUIRE_EQUAL(in_pieces(forth, text, 1), whole);
    BOOST_REQUIRE_EQUAL(rewrite_urls(none, text), text);
    // There and back again is where it began, where nobody wrote the route himself.
    if (text.find("amber") == std::string::npos && text.find("localhost") == std::string::npos)
      BOOST_REQUIRE_EQUAL(rewrite_urls(back, whole), text);
  }
}

BOOST_AUTO_TEST_CASE(only_what_may_begin_an_address_is_held) {
  const auto of = up();
  const auto passed = [&](std::string_view text) {
    UrlRewriter rewriter(of);
    std::string out;
    rewriter.feed(text, out);
    return out;
  };
  for (const std::string text : {"data: {\"a\":1}\n\n", "with", "see hello", "https", "x http:/ "})
    BOOST_TEST(passed(text) == text);
  BOOST_TEST(passed("data: " + kLocal + "\n\n") == "data: " + kRoute + "\n\n");
  BOOST_TEST(passed("go to h") == "go to ");
  BOOST_TEST(passed("go to http://127.0.0.1:20000") == "go to ");
  BOOST_TEST(passed("go to http://127.0.0.1:20000.") == "go to ");
  BOOST_TEST(passed("go to http://127.0.0.1:20001") == "go to http://127.0.0.1:20001");
}

BOOST_AUTO_TEST_CASE(what_is_no_address_is_none) {
  for (const char* url : {"http://a", "https://a.example:65535/x/y", "amber://route/x",
                          "HTTP://[::1]:1", "http://a/"})
    BOOST_TEST(why_no_address(url) == "");
  for (const char* url :
       {"", "http", "http://", "http:///x", "ftp://a", "a", "http://a?x", "http://a#x",
        "http://u@a", "http://a:0", "http://a:", "http://a:65536", "http://a:080", "http://a b",
        "http://a/\"", "http://[::1", "http://a:1:2", "http://a/\n", "http://\xc3\xa9"})
    BOOST_TEST(why_no_address(url) != "", url);
  BOOST_TEST(why_no_address("http://a/" + std::string(2000, 'x')) != "");
}

BOOST_AUTO_TEST_CASE(an_address_stands_in_a_table_once) {
  UrlTable of;
  BOOST_TEST(of.empty());
  BOOST_TEST(of.add("http://127.0.0.1:1", "http://a") == "");
  BOOST_TEST(of.add("http://LOCALHOST:1/", "http://b") != "");
  BOOST_TEST(of.add("http://localhost:1/x", "http://b") == "");
  BOOST_TEST(of.add("http://a.example", "http://b") == "");
  BOOST_TEST(of.add("http://a.example:80", "http://b") != "");
  for (std::size_t i = 3; i < kMaxUrlMappings; ++i)
    BOOST_TEST(of.add("http://a/" + std::to_string(i), "http://b") == "");
  BOOST_TEST(of.add("http://one.more", "http://b") != "");
}

BOOST_AUTO_TEST_SUITE_END()
