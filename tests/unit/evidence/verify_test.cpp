#include "policy/evidence/verify.hpp"

#include "policy/evidence/chain.hpp"
#include "policy/evidence/layout.hpp"
#include "tests/unit/evidence/evidence_support.hpp"

#include <algorithm>

#include <sys/stat.h>
#include <unistd.h>

namespace sluice::evidence {
namespace {

using namespace test;

struct Fixture {
  TempDirectory directory;

  Verification verify(std::string_view audit) const {
    write_text(directory.audit(), audit);
    return verify_chain(directory.log());
  }
  std::string make(std::uint64_t records) const {
    write_log(directory, records);
    return read_text(directory.audit());
  }
};

bool has(const Verification& verification, std::string_view type, std::uint64_t line) {
  return std::any_of(verification.issues.begin(), verification.issues.end(),
                     [&](const Issue& issue) { return issue.type == type && issue.line == line; });
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(verify, Fixture)

BOOST_AUTO_TEST_CASE(accepts_what_agentpaas_wrote) {
  const Verification verification = verify(vector_text("agentpaas.jsonl"));
  BOOST_TEST(verification.passed(), describe(verification));
  BOOST_TEST(verification.audit_record_count == 3U);
  BOOST_TEST(verification.audit_head_seq == 3U);
  BOOST_TEST(verification.audit_head_hash ==
             "a13a3ed1d9ee67e77e7e817e4d2ff94aff0b2e1088c8a1ebe6e78dbbc2ddf56f");
}

BOOST_AUTO_TEST_CASE(finds_every_change_of_one_byte) {
  const std::string ours = make(2);
  check_passes(directory.log(), 2);
  for (const std::string& good : {ours, vector_text("agentpaas.jsonl")}) {
    for (std::size_t at = 0; at < good.size(); ++at) {
      std::string bad = good;
      // Other bits, and the bytes a parser might be lenient about.
      for (const int byte : {good[at] ^ 1, good[at] ^ 0x20, int{' '}, int{'\n'}}) {
        bad[at] = static_cast<char>(byte);
        if (bad[at] == good[at]) continue;
        if (verify(bad).passed()) BOOST_ERROR("byte " << at << " changed to " << byte);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(finds_every_inserted_and_every_removed_byte) {
  const std::string good = make(2);
  for (std::size_t at = 0; at <= good.size(); ++at) {
    for (const char byte : {' ', '\n', '\r', '0'}) {
      std::string bad = good;
      bad.insert(at, 1, byte);
      if (verify(bad).passed()) BOOST_ERROR("byte " << int{byte} << " inserted at " << at);
    }
    if (at == good.size()) break;
    std::string bad = good;
    bad.erase(at, 1);
    if (bad != good && verify(bad).passed()) BOOST_ERROR("byte " << at << " removed");
  }
}

BOOST_AUTO_TEST_CASE(finds_every_truncation_inside_a_line) {
  const std::string good = make(2);
  const std::size_t first = good.find('\n') + 1;
  for (std::size_t size = 0; size < good.size(); ++size) {
    const bool whole_lines = size == first;
    if (verify(good.substr(0, size)).passed() != whole_lines) BOOST_ERROR("cut to " << size);
  }
}

BOOST_AUTO_TEST_CASE(finds_deleted_inserted_doubled_and_swapped_lines) {
  const std::vector<std::string> lines = lines_of(make(6));
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    auto bad = lines;
    bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(i));
    BOOST_TEST(has(verify(join(bad)), "tamper_middle", i + 1), "deleted " << i);

    bad = lines;
    bad.insert(bad.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
    BOOST_TEST(has(verify(join(bad)), "reorder", i + 2), "doubled " << i);

    bad = lines;
    std::swap(bad[i], bad[i + 1]);
    BOOST_TEST(has(verify(join(bad)), "reorder", i + 2), "swapped " << i);

    bad = lines;
    bad.insert(bad.begin() + static_cast<std::ptrdiff_t>(i), "\n");
    BOOST_TEST(has(verify(join(bad)), "malformed", i + 1), "blank line " << i);
  }
}

BOOST_AUTO_TEST_CASE(finds_a_forged_record_whose_own_hash_is_right) {
  std::vector<std::string> lines = lines_of(make(3));
  ChainCheck check;
  std::size_t stopped_at = 0;
  BOOST_REQUIRE(!check.next(
      *parse_line(std::string_view(lines[0]).substr(0, lines[0].size() - 1), stopped_at)));
  ChainWriter forger(check.head(), "sluice");
  lines[1].clear();
  forger.append(lines[1], kStart, {"egress_allowed", R"({"forged":true})"});
  const Verification verification = verify(join(lines));
  BOOST_TEST(has(verification, "tamper_middle", 3), describe(verification));
  BOOST_TEST(verification.issues.size() == 1U); // one edit, one issue
}

BOOST_AUTO_TEST_CASE(a_witness_sees_a_cut_tail_and_a_rewritten_log) {
  const std::string good = make(4);
  const std::vector<std::string> lines = lines_of(good);
  const Verification whole = verify(good);
  const ExpectedHead head{whole.audit_head_seq, whole.audit_head_hash};
  BOOST_TEST(verify_chain(directory.log(), head).passed());

  write_text(directory.audit(), lines[0] + lines[1]);
  BOOST_TEST(verify_chain(directory.log()).passed()); // the chain alone cannot tell
  BOOST_TEST(has(verify_chain(directory.log(), head), "tail_truncation", 0));

  ManualClock clock(kStart);
  std::filesystem::remove_all(directory.log());
  write_log(directory, 2);
  for (std::uint64_t n = 0; n < 4; ++n) {
    BOOST_REQUIRE(open_log(config_for(directory), clock)->append_and_wait(numbered(n)).has_value());
  }
  BOOST_TEST(verify_chain(directory.log()).passed());
  BOOST_TEST(has(verify_chain(directory.log(), head), "tamper_middle", 4));
}

BOOST_AUTO_TEST_CASE(a_witness_of_an_earlier_head_accepts_a_longer_log) {
  std::vector<ExpectedHead> heads;
  make(5);
  read_records(directory.log(), [&](const RecordView& record) {
    heads.push_back({record.seq, record.record_hash});
    return true;
  });
  BOOST_TEST(heads.size() == 5U);
  for (const ExpectedHead& head : heads) BOOST_TEST(verify_chain(directory.log(), head).passed());
  BOOST_TEST(verify_chain(directory.log(), ExpectedHead{}).passed());
}

BOOST_AUTO_TEST_CASE(an_empty_or_missing_log_is_an_issue) {
  BOOST_TEST(has(verify_chain(directory.log()), "missing_file", 0));
  BOOST_TEST(has(verify(""), "tail_truncation", 0));
  std::filesystem::remove(directory.audit());
  std::filesystem::create_directory(directory.audit());
  BOOST_TEST(has(verify_chain(directory.log()), "missing_file", 0));
  std::filesystem::remove(directory.audit());
  BOOST_REQUIRE(::mkfifo(directory.audit().c_str(), 0600) == 0);
  BOOST_TEST(has(verify_chain(directory.log()), "missing_file", 0)); // and does not wait
  std::filesystem::remove(directory.audit());
  write_text(directory.path("elsewhere"), vector_text("agentpaas.jsonl"));
  BOOST_REQUIRE(::symlink("../elsewhere", directory.audit().c_str()) == 0);
  BOOST_TEST(has(verify_chain(directory.log()), "missing_file", 0));
}

BOOST_AUTO_TEST_CASE(a_line_over_one_mebibyte_is_an_issue_and_hides_nothing_behind_it) {
  const std::vector<std::string> lines = lines_of(make(3));
  const Verification verification =
      verify(lines[0] + std::string((std::size_t{1} << 20) + 1, 'x') + "\n" + lines[1] + "bad\n");
  BOOST_TEST(has(verification, "malformed", 2));
  BOOST_TEST(has(verification, "malformed", 4));
  BOOST_TEST(verification.audit_record_count == 2U);
}

BOOST_AUTO_TEST_CASE(the_list_of_issues_is_bounded) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "x\n";
  const Verification verification = verify(text);
  BOOST_TEST(verification.issues.size() == kMaxIssues + 1);
  BOOST_TEST(verification.issues.back().type == "more_issues");
}

BOOST_AUTO_TEST_CASE(integers_beyond_doubles_are_kept_exactly) {
  std::string text;
  ChainWriter writer({}, "a");
  writer.append(text, kStart, {"e", R"({"n":9223372036854775807,"o":-9007199254740993})"});
  BOOST_TEST(verify(text).passed());
  text.replace(text.find("5807"), 4, "5806");
  BOOST_TEST(has(verify(text), "tamper_middle", 1));
}

BOOST_AUTO_TEST_CASE(every_policy_in_force_has_its_snapshot) {
  const std::string policy = R"({"version":1})";
  const std::string digest = policy_digest(policy);
  ManualClock clock(kStart);
  {
    const auto log = open_log(config_for(directory), clock);
    BOOST_REQUIRE(log->store_policy(digest, policy).has_value());
    for (int i = 0; i < 3; ++i) {
      const Record record = event_record({}, "policy_loaded", {{"policy_digest", digest}}, nullptr);
      BOOST_REQUIRE(log->append_and_wait(record).has_value());
    }
    // A policy that was refused never was in force.
    const Record rejected =
        event_record({}, "policy_rejected", {{"policy_digest", policy_digest("other")}}, nullptr);
    BOOST_REQUIRE(log->append_and_wait(rejected).has_value());
  }
  check_passes(directory.log(), 4);
  const std::string path = policy_path(directory.log(), digest);
  write_text(path, policy + " ");
  BOOST_TEST(has(verify_chain(directory.log()), "missing_policy", 1));
  std::filesystem::remove(path);
  const Verification verification = verify_chain(directory.log());
  BOOST_TEST(has(verification, "missing_policy", 1));
  BOOST_TEST(verification.issues.size() == 1U); // once, not for each record
}

BOOST_AUTO_TEST_CASE(a_policy_digest_is_never_a_path) {
  std::string text;
  ChainWriter writer({}, "a");
  writer.append(text, kStart, {"policy_loaded", R"({"policy_digest":"../../etc/passwd"})"});
  BOOST_TEST(has(verify(text), "missing_policy", 1));
}

BOOST_AUTO_TEST_CASE(reads_records_back) {
  write_text(directory.audit(), "junk\n" + vector_text("agentpaas.jsonl"));
  std::vector<RecordView> all;
  BOOST_TEST(read_records(directory.log(), [&](const RecordView& record) {
    all.push_back(record);
    return all.size() < 2;
  }));
  BOOST_REQUIRE(all.size() == 2U);
  BOOST_TEST(all[0].seq == 1U);
  BOOST_TEST(all[1].event_type == "policy_denied");
  BOOST_TEST(all[1].actor == "interposer");
  BOOST_TEST(all[1].prev_hash == all[0].record_hash);
  BOOST_TEST(all[0].payload == R"({"agent_name":"demo","run_id":"run-1"})");
  BOOST_TEST(!read_records(directory.path("none"), [](const RecordView&) { return true; }));
}

BOOST_AUTO_TEST_CASE(says_which_lines_are_no_records) {
  write_text(directory.audit(), "junk\n" + vector_text("agentpaas.jsonl") + "{\"half\":");
  std::size_t records = 0;
  std::vector<Issue> unread;
  BOOST_TEST(read_records(
      directory.log(), [&](const RecordView&) { return ++records > 0; },
      [&](const Issue& issue) { unread.push_back(issue); }));
  BOOST_REQUIRE(unread.size() == 2U);
  BOOST_TEST(unread[0].line == 1U);
  BOOST_TEST(unread[0].type == "malformed");
  BOOST_TEST(unread[1].line == records + 2);
  BOOST_TEST(unread[1].type == "tail_truncation");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
