#include "policy/evidence/index.hpp"

#include "tests/unit/evidence/query_support.hpp"

#include <sys/stat.h>

namespace sluice::evidence {
namespace {

using namespace test;

struct Fixture {
  TempDirectory directory;
  LogConfig config = config_for(directory);
  std::string index = index_path(directory.log());

  Result<std::uint64_t> update(Rebuild rebuild = Rebuild::no) {
    notes.clear();
    return update_index(directory.log(), rebuild,
                        [this](const std::string& said) { notes.push_back(said); });
  }
  // What the index answers is what the log answers.
  void check_same(const QueryOptions& by_index) const {
    QueryOptions by_log = by_index;
    by_log.from = From::log;
    const Answer from_index = ask(directory.log(), by_index);
    const Answer from_log = ask(directory.log(), by_log);
    BOOST_TEST(from_index.seqs == from_log.seqs, boost::test_tools::per_element());
    BOOST_TEST(from_index.error == "");
    BOOST_TEST(from_index.issues.empty());
  }
  void change(const char* sql) const {
    auto database = Database::open(index, Database::Mode::existing);
    BOOST_REQUIRE(database.has_value());
    const Result<> done = database.value().run(sql);
    if (!done) BOOST_FAIL(sql << ": " << done.error().detail);
  }

  std::vector<std::string> notes;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(index_of_the_log, Fixture)

BOOST_AUTO_TEST_CASE(sets_are_read_as_they_are_written) {
  for (const std::size_t step : {1U, 2U, 3U, 15U, 16U, 17U, 100U, 1000U}) {
    BlockBits bits;
    for (std::size_t at = 0; at < kBlockRecords; at += step) bits.set(at);
    const auto again = BlockBits::unpacked(bits.packed());
    BOOST_REQUIRE(again);
    for (std::size_t at = 0; at < kBlockRecords; ++at) {
      BOOST_REQUIRE_EQUAL((*again)[at], at % step == 0);
    }
    BOOST_TEST(bits.packed().size() <= kBlockRecords / 8);
  }
  for (const std::size_t count : {0U, 1U, 63U, 64U, 65U, 1023U, 1024U}) {
    BOOST_TEST(BlockBits::first(count).count() == count);
  }
  for (const std::string& none : {std::string(), std::string(1, 'a'), std::string(127, 'a'),
                                  std::string(130, 'a'), std::string("\xff\xff")}) {
    BOOST_TEST(!BlockBits::unpacked(none).has_value());
  }
}

BOOST_AUTO_TEST_CASE(it_grows_with_the_log_and_is_private) {
  write_calls(config, 0, 2500);
  BOOST_TEST(update().value() == 2048U);
  BOOST_TEST(update().value() == 0U); // the rest is not a whole block
  write_calls(config, 2500, 3100);
  BOOST_TEST(update().value() == 1024U);
  BOOST_TEST(notes.empty());
  struct stat info {};
  BOOST_REQUIRE(::stat(index.c_str(), &info) == 0);
  BOOST_TEST((info.st_mode & 0777) == 0600U);
  BOOST_TEST(update(Rebuild::yes).value() == 3072U);
}

BOOST_AUTO_TEST_CASE(it_answers_as_the_log_does) {
  config.key_file = directory.path("signing.key");
  config.segment_bytes = 200'000; // blocks end with their file
  for (std::uint64_t n = 0; n < 3000; n += 600) write_calls(config, n, n + 600);
  BOOST_REQUIRE(closed_segments(directory.log()).size() > 3U);
  BOOST_REQUIRE(update().has_value());
  write_calls(config, 3000, 3050);
  for (std::uint64_t n = 0; n < 3000; n += 211) {
    check_same(by(Fact::call, "call-" + std::to_string(n)));
  }
  for (const char* host : {"host-3.example", "host-9.example", "host-3"}) {
    check_same(by(Fact::host, host));
    QueryOptions more = by(Fact::host, host);
    more.filter.wanted[static_cast<std::size_t>(Fact::decision)] = "block";
    more.filter.wanted[static_cast<std::size_t>(Fact::rule)] = "egress[2]";
    for (const std::uint64_t count : {0U, 1U, 5U, 10'000U}) {
      more.limit = count;
      more.last = 0;
      check_same(more);
      std::swap(more.limit, more.last);
      check_same(more);
    }
  }
  for (const int since : {0, 100, 1023, 1024, 2999, 5000}) {
    QueryOptions options = by(Fact::type, "policy_denied");
    options.filter.since = kStart + since * 1'000'000'000LL;
    check_same(options);
    options.filter.until = *options.filter.since + 700'000'000'000LL;
    check_same(options);
    options.last = 7;
    check_same(options);
  }
  QueryOptions all;
  all.last = 1300;
  check_same(all);
}

BOOST_AUTO_TEST_CASE(what_was_done_to_it_is_said_and_it_is_made_anew) {
  write_calls(config, 0, 2500);
  const QueryOptions question = by(Fact::decision, "block");
  const std::vector<std::uint64_t> right = ask(directory.log(), question).seqs;
  BOOST_REQUIRE(update().has_value());
  const std::string whole = read_text(index);
  for (const char* sql :
       {"UPDATE places SET place = place + 1",
        "UPDATE places SET hashes = zeroblob(8192)",
        "UPDATE places SET offsets = ''",
        "DELETE FROM places WHERE number = 1",
        "UPDATE log_end SET hash = 'x'",
        "UPDATE log_end SET seq = 12",
        "DELETE FROM log_end",
        "UPDATE blocks SET count = 1 WHERE number = 2",
        "DELETE FROM blocks WHERE number = 1",
        "UPDATE blocks SET count = 4611686018427387904",
        "UPDATE blocks SET count = -1",
        "UPDATE postings SET bits = 'abc'",
        "UPDATE postings SET bits = zeroblob(200)",
        "UPDATE postings SET word = 'block' WHERE word = 'allow'",
        "UPDATE postings SET bits = x'ff03' WHERE fact = 1",
        "DROP TABLE postings",
        "CREATE TABLE more(x)",
        "CREATE VIEW v AS SELECT 1",
        "DELETE FROM blocks",
        "CREATE TRIGGER t AFTER INSERT ON blocks BEGIN DELETE FROM blocks; END"}) {
    write_text(index, whole);
    if (std::string_view(sql).find("'block' WHERE") != std::string_view::npos) {
      change("DELETE FROM postings WHERE word = 'block'");
    }
    change(sql);
    const Answer answer = ask(directory.log(), question);
    BOOST_TEST(answer.seqs == right, sql);
    BOOST_TEST(answer.notes.size() == 1U, sql);
    BOOST_TEST(ask(directory.log(), question).notes.empty(), sql); // mended
  }
}

BOOST_AUTO_TEST_CASE(garbage_links_and_folders_are_not_an_index) {
  write_calls(config, 0, 2500);
  const QueryOptions question = by(Fact::decision, "block");
  const std::vector<std::uint64_t> right = ask(directory.log(), question).seqs;
  const auto check = [&](const char* what, std::size_t notes_after) {
    const Answer answer = ask(directory.log(), question);
    BOOST_TEST(answer.seqs == right, what);
    BOOST_TEST(answer.notes.size() == 1U, what);
    BOOST_TEST(ask(directory.log(), question).notes.size() == notes_after, what);
  };
  for (const std::string& text : {std::string("garbage"), std::string(100'000, '\xff'),
                                  "SQLite format 3" + std::string(1, '\0') + "rest"}) {
    write_text(index, text);
    check("garbage", 0);
  }
  std::string half = read_text(index);
  write_text(index, half.substr(0, half.size() / 2));
  check("half", 0);
  for (std::size_t at = 100; at < half.size(); at += half.size() / 9) half[at] ^= 0x55;
  write_text(index, half);
  BOOST_TEST(ask(directory.log(), question).seqs == right);
  std::filesystem::remove(index);
  std::filesystem::create_directory(index);
  check("folder", 1);
  std::filesystem::remove(index);
  const std::string elsewhere = directory.path("elsewhere");
  write_text(elsewhere, "precious");
  std::filesystem::create_symlink(elsewhere, index);
  check("link", 1);
  BOOST_TEST(read_text(elsewhere) == "precious");
  std::filesystem::remove(index);
  BOOST_REQUIRE(::mkfifo(index.c_str(), 0600) == 0);
  check("pipe", 1);
}

BOOST_AUTO_TEST_CASE(an_index_of_another_log_is_noticed) {
  write_calls(config, 0, 2500);
  BOOST_REQUIRE(update().has_value());
  const std::string foreign = read_text(index);
  std::filesystem::remove_all(directory.log());
  write_calls(config, 0, 200); // shorter
  write_text(index, foreign);
  BOOST_TEST(ask(directory.log(), by(Fact::decision, "block")).seqs.size() == 40U);
  std::filesystem::remove_all(directory.log());
  write_calls(config, 1, 2501); // as long, with other records
  write_text(index, foreign);
  const Answer answer = ask(directory.log(), by(Fact::call, "call-2500"));
  BOOST_TEST(answer.seqs.size() == 1U);
  BOOST_TEST(answer.notes.size() == 1U);
  BOOST_TEST(ask(directory.log(), by(Fact::call, "call-0")).seqs.empty());
}

BOOST_AUTO_TEST_CASE(a_broken_log_is_told_as_one) {
  write_calls(config, 0, 2500);
  std::string text = read_text(directory.audit());
  const std::string good = text;
  text[text.find("call-1200") + 6] ^= 1;
  write_text(directory.audit(), text);
  const Answer answer = ask(directory.log(), by(Fact::decision, "block"));
  BOOST_TEST(answer.seqs.size() == 500U);
  BOOST_TEST(answer.issues.size() == 1U);
  BOOST_TEST(update().error().code == "evidence_chain_broken");
  // Changed behind the index's back: the record is not handed out.
  write_text(directory.audit(), good);
  BOOST_REQUIRE(update().has_value());
  write_text(directory.audit(), text);
  const Answer changed = ask(directory.log(), by(Fact::call, "call-1200"));
  BOOST_TEST(!changed.issues.empty());
  write_text(directory.audit(), good.substr(0, good.size() / 2));
  BOOST_TEST(!ask(directory.log(), by(Fact::call, "call-2400")).issues.empty());
  write_text(directory.audit(), "");
  BOOST_TEST(ask(directory.log(), by(Fact::call, "call-2400")).seqs.empty());
  std::filesystem::remove(directory.audit());
  BOOST_TEST(ask(directory.log(), by(Fact::call, "call-2400")).error == "evidence_not_found");
}

BOOST_AUTO_TEST_CASE(a_locked_index_is_read_around) {
  write_calls(config, 0, 2500);
  BOOST_REQUIRE(update().has_value());
  write_calls(config, 2500, 4000);
  auto other = Database::open(index, Database::Mode::existing);
  BOOST_REQUIRE(other.value().run("BEGIN IMMEDIATE").has_value());
  const Answer answer = ask(directory.log(), by(Fact::call, "call-3900"));
  BOOST_TEST(answer.seqs.size() == 1U);
  BOOST_TEST(answer.notes.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
