// Forged logs: what somebody who can write the directory, but has not the key, can try. Each hole
// of the original verifier (reference §5.5 a-e) is a case here.
#include "policy/evidence/layout.hpp"
#include "policy/evidence/seal_record.hpp"
#include "tests/unit/evidence/evidence_support.hpp"

#include <algorithm>

namespace sluice::evidence {
namespace {

using namespace test;

struct Logs {
  std::string audit, checkpoints;
};

struct Fixture {
  TempDirectory directory;
  std::string checkpoints = checkpoint_path(directory.log());
  KeyPin pin;

  Logs read() const { return {read_text(directory.audit()), read_text(checkpoints)}; }
  Logs make(int runs = 2, std::uint64_t records = 2) {
    for (int i = 0; i < runs; ++i) write_signed_log(directory, records);
    pin.fingerprint = verify_directory(directory.log()).key_fingerprint;
    return read();
  }
  Verification verify(const Logs& logs, std::optional<ExpectedHead> head = std::nullopt) const {
    write_text(directory.audit(), logs.audit);
    write_text(checkpoints, logs.checkpoints);
    VerifyOptions options;
    options.head = std::move(head);
    options.pin = pin;
    return verify_directory(directory.log(), options);
  }
  bool finds(const Logs& logs, std::string_view type) const {
    const Verification verification = verify(logs);
    const bool found = std::any_of(verification.issues.begin(), verification.issues.end(),
                                   [&](const Issue& issue) { return issue.type == type; });
    if (!found) BOOST_TEST_MESSAGE(describe(verification));
    return found;
  }
  // All records again, by somebody who can compute hashes, and checkpoints signed by `key`.
  static Logs rewrite(const std::vector<Record>& records, const SigningKey* key) {
    Logs out;
    ChainWriter chain({}, "sluice");
    MerkleTree tree;
    Checkpoint last;
    for (Record record : records) {
      const bool seals = record.event_type == kLogCheckpoint;
      if (seals) {
        const std::string cause = read_checkpoint(record.payload)->cause;
        record = checkpoint_record({"run-1", "session-1", "agent-1"}, cause, last.seq + 1, tree);
      }
      if (record.event_type == kKeyCreated && key != nullptr) {
        record = key_created_record({"run-1", "session-1", "agent-1"}, key->public_key());
      }
      chain.append(out.audit, kStart, record);
      tree.add(chain.digest());
      if (!seals) continue;
      last = next_checkpoint(last, chain.head(), "2026-01-02T03:04:05Z");
      if (key != nullptr) last.signature = key->sign(last.checkpoint_hash);
      out.checkpoints += line_of(last);
    }
    return out;
  }
  std::vector<Record> records() const {
    std::vector<Record> all;
    read_records(directory.log(), [&](const RecordView& record) {
      all.push_back({record.event_type, record.payload});
      return true;
    });
    return all;
  }
};

std::string first_lines(const std::string& text, std::size_t count) {
  auto lines = lines_of(text);
  lines.resize(std::min(count, lines.size()));
  return join(lines);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(forgery, Fixture)

BOOST_AUTO_TEST_CASE(the_log_itself_passes) {
  const Verification verification = verify(make());
  BOOST_TEST(verification.passed(), describe(verification));
  BOOST_TEST(verification.checkpoint_count == 4U);
  BOOST_TEST(verification.latest_anchor_seq == verification.audit_head_seq);
  BOOST_TEST(verification.latest_anchor_hash == verification.audit_head_hash);
}

BOOST_AUTO_TEST_CASE(every_changed_byte_is_found) {
  const Logs good = make(1, 1);
  for (const bool in_audit : {true, false}) {
    const std::size_t size = (in_audit ? good.audit : good.checkpoints).size();
    for (std::size_t at = 0; at < size; ++at) {
      Logs bad = good;
      char& byte = (in_audit ? bad.audit : bad.checkpoints)[at];
      for (const int other : {byte ^ 1, int{'\n'}}) {
        const char before = byte;
        byte = static_cast<char>(other);
        if (byte != before && verify(bad).passed()) {
          BOOST_ERROR((in_audit ? "audit " : "checkpoints ") << at << " changed to " << other);
        }
        byte = before;
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(every_inserted_or_removed_byte_and_every_cut_is_found) {
  const Logs good = make(1, 1);
  for (const bool in_audit : {true, false}) {
    const std::string text = in_audit ? good.audit : good.checkpoints;
    for (std::size_t at = 0; at <= text.size(); ++at) {
      for (const std::string& changed :
           {text.substr(0, at) + "\n" + text.substr(at),
            text.substr(0, at) + (at < text.size() ? text.substr(at + 1) : " "),
            text.substr(0, at)}) {
        if (changed == text) continue;
        const Logs bad = in_audit ? Logs{changed, good.checkpoints} : Logs{good.audit, changed};
        if (verify(bad).passed()) BOOST_ERROR((in_audit ? "audit " : "checkpoints ") << at);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(removed_doubled_and_swapped_checkpoints_are_found) {
  const Logs good = make();
  const auto lines = lines_of(good.checkpoints);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto bad = lines;
    bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(i));
    BOOST_TEST(!verify({good.audit, join(bad)}).passed());
    bad = lines;
    bad.insert(bad.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
    BOOST_TEST(!verify({good.audit, join(bad)}).passed());
    bad = lines;
    std::swap(bad[i], bad[(i + 1) % bad.size()]);
    BOOST_TEST(!verify({good.audit, join(bad)}).passed());
  }
}

BOOST_AUTO_TEST_CASE(hole_a_an_emptied_log_is_found) {
  const Logs good = make();
  BOOST_TEST(finds({"", good.checkpoints}, "tail_truncation"));
  BOOST_TEST(!verify({"", ""}).passed());
  std::filesystem::remove(directory.audit());
  BOOST_TEST(!verify_directory(directory.log()).passed());
}

BOOST_AUTO_TEST_CASE(hole_b_a_new_log_with_unsigned_checkpoints_is_found_without_a_pin) {
  make();
  const Logs forged = rewrite(records(), nullptr);
  pin = {};
  BOOST_TEST(finds(forged, "invalid_signature"));
  BOOST_TEST(finds({forged.audit, ""}, "missing_checkpoint"));
}

BOOST_AUTO_TEST_CASE(a_log_signed_anew_with_another_key_is_found_with_a_pin) {
  make();
  const SigningKey other = SigningKey::generate();
  const Logs forged = rewrite(records(), &other);
  BOOST_TEST(finds(forged, "invalid_signature"));
  pin = {};
  const Verification unpinned = verify(forged); // as good as a first one: a pin is what tells
  BOOST_TEST(unpinned.passed(), describe(unpinned));
}

BOOST_AUTO_TEST_CASE(the_records_of_the_true_key_do_not_make_another_one_true) {
  make();
  const SigningKey other = SigningKey::generate();
  std::vector<Record> all = records();
  // The true key's record stays, and the other one's follows it, as a first key or as the next.
  for (const Record& planted : {key_created_record({}, other.public_key()),
                                key_rotated_record({}, other, other.public_key())}) {
    std::vector<Record> bad = all;
    bad.insert(bad.begin() + 1, planted);
    Logs forged;
    ChainWriter chain({}, "sluice");
    MerkleTree tree;
    Checkpoint last;
    for (Record record : bad) {
      const bool seals = record.event_type == kLogCheckpoint;
      if (seals) record = checkpoint_record({}, kCauseStop, last.seq + 1, tree);
      chain.append(forged.audit, kStart, record);
      tree.add(chain.digest());
      if (!seals) continue;
      last = next_checkpoint(last, chain.head(), "t");
      last.signature = other.sign(last.checkpoint_hash);
      forged.checkpoints += line_of(last);
    }
    BOOST_TEST(finds(forged, "invalid_signature"));
    pin = {};
    BOOST_TEST(finds(forged, "invalid_signature"));
    pin.fingerprint =
        SigningKey::load(directory.path("signing.key")).value().public_key().fingerprint();
  }
}

BOOST_AUTO_TEST_CASE(hole_c_an_old_checkpoint_that_contradicts_the_chain_is_found) {
  // A record is changed, all behind it hashed anew, and the last checkpoints are signed over that:
  // what the original's daemon did by itself after it had cut a log it could not read.
  const Logs old = make(2, 2);
  std::vector<Record> all = records();
  all[2].payload = R"({"forged":true})";
  const SigningKey key = SigningKey::load(directory.path("signing.key")).value();
  Logs forged = rewrite(all, &key);
  const auto anew = lines_of(forged.checkpoints);
  forged.checkpoints = first_lines(old.checkpoints, 2);
  const auto parse = [](const std::string& line) {
    return parse_checkpoint(line.substr(0, line.size() - 1)).value();
  };
  Checkpoint last = parse(lines_of(old.checkpoints)[1]);
  for (std::size_t i = 2; i < anew.size(); ++i) {
    last = next_checkpoint(last, parse(anew[i]).anchor, "t");
    last.signature = key.sign(last.checkpoint_hash);
    forged.checkpoints += line_of(last);
  }
  const Verification verification = verify(forged);
  BOOST_TEST(verification.issues.size() == 1U, describe(verification));
  BOOST_TEST(finds(forged, "tamper_middle"));
}

BOOST_AUTO_TEST_CASE(hole_d_files_that_were_cut_together_are_found) {
  const Logs good = make(3);
  const auto records_total = lines_of(good.audit).size();
  const auto seals_total = lines_of(good.checkpoints).size();
  const Verification whole = verify(good);
  const ExpectedHead head{whole.audit_head_seq, whole.audit_head_hash};
  for (std::size_t records = 0; records <= records_total; ++records) {
    for (std::size_t seals = 0; seals <= seals_total; ++seals) {
      if (records == records_total && seals == seals_total) continue;
      const Logs cut{first_lines(good.audit, records), first_lines(good.checkpoints, seals)};
      // Cut at a clean stop, it is what it was then: only a witness knows that it went on.
      const bool older = seals % 2 == 0 && seals > 0 && records == 1 + seals * 2;
      if (verify(cut).passed() != older) BOOST_ERROR(records << " records, " << seals << " seals");
      BOOST_TEST(!verify(cut, head).passed());
    }
  }
}

BOOST_AUTO_TEST_CASE(hole_e_large_integers_are_not_tampering) {
  make();
  std::vector<Record> all = records();
  all[2].payload = R"({"n":9223372036854775807})";
  const SigningKey key = SigningKey::load(directory.path("signing.key")).value();
  const Verification verification = verify(rewrite(all, &key));
  BOOST_TEST(verification.passed(), describe(verification));
}

BOOST_AUTO_TEST_CASE(records_behind_the_last_checkpoint_are_found) {
  const Logs good = make();
  const Verification whole = verify(good);
  ChainWriter forger({whole.audit_head_seq, whole.audit_head_hash}, "sluice");
  Logs bad = good;
  forger.append(bad.audit, kStart, numbered(1));
  BOOST_TEST(finds(bad, "unsigned_tail"));
  // Nor does a record that says it was signed.
  bad = good;
  ChainWriter another({whole.audit_head_seq, whole.audit_head_hash}, "sluice");
  another.append(bad.audit, kStart, checkpoint_record({}, kCauseStop, 5, {}));
  BOOST_TEST(finds(bad, "missing_checkpoint"));
}

BOOST_AUTO_TEST_CASE(a_log_without_a_clean_stop_is_told_from_one_with) {
  const Logs good = make(1, 2);
  const Logs cut{first_lines(good.audit, 2), first_lines(good.checkpoints, 1)};
  BOOST_TEST(finds(cut, "unclosed"));
  VerifyOptions running;
  running.copied_while_written = true;
  BOOST_TEST(verify_directory(directory.log(), running).passed());
  write_text(directory.audit(), good.audit.substr(0, good.audit.size() / 2));
  BOOST_TEST(verify_directory(directory.log(), running).passed()); // with half a line at its end
  write_text(checkpoints, good.checkpoints); // but nothing that was signed may be missing
  BOOST_TEST(!verify_directory(directory.log(), running).passed());
  const Verification start = verify(cut);
  BOOST_TEST(start.issues.size() == 1U);
  // A witness of exactly this end makes it good.
  BOOST_TEST(verify(cut, ExpectedHead{start.audit_head_seq, start.audit_head_hash}).passed());
}

BOOST_AUTO_TEST_CASE(an_old_log_put_back_is_found_by_a_witness) {
  const Logs old = make(1);
  const Logs now = make(1);
  const Verification whole = verify(now);
  BOOST_TEST(verify(old).passed());
  BOOST_TEST(!verify(old, ExpectedHead{whole.audit_head_seq, whole.audit_head_hash}).passed());
}

BOOST_AUTO_TEST_CASE(a_root_that_is_not_the_tree_s_is_found_though_it_is_signed) {
  make(1);
  const SigningKey key = SigningKey::load(directory.path("signing.key")).value();
  Logs bad;
  ChainWriter chain({}, "sluice");
  Checkpoint last;
  MerkleTree wrong;
  for (Record record : records()) {
    if (record.event_type == kLogCheckpoint) {
      record = checkpoint_record({}, kCauseStop, last.seq + 1, wrong);
    }
    chain.append(bad.audit, kStart, record);
    if (record.event_type != kLogCheckpoint) continue;
    last = next_checkpoint(last, chain.head(), "t");
    last.signature = key.sign(last.checkpoint_hash);
    bad.checkpoints += line_of(last);
  }
  BOOST_TEST(finds(bad, "wrong_root"));
  BOOST_TEST(verify(bad).issues.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_pin_that_is_another_key_is_found) {
  const Logs good = make();
  pin.fingerprint = SigningKey::generate().public_key().fingerprint();
  BOOST_TEST(finds(good, "invalid_signature"));
  pin.key = SigningKey::generate().public_key();
  pin.fingerprint = pin.key->fingerprint();
  BOOST_TEST(finds(good, "invalid_signature"));
}

BOOST_AUTO_TEST_CASE(a_log_of_agentpaas_is_checked_with_the_key_that_is_given) {
  const std::string audit = vector_text("agentpaas.jsonl");
  const SigningKey key = SigningKey::generate();
  Checkpoint last;
  Logs logs{audit, ""};
  write_text(directory.audit(), audit);
  read_records(directory.log(), [&](const RecordView& record) { // one for each record
    last = next_checkpoint(last, {record.seq, record.record_hash}, record.timestamp);
    last.signature = key.sign(last.checkpoint_hash);
    logs.checkpoints += line_of(last);
    return true;
  });
  BOOST_TEST(finds(logs, "invalid_signature")); // no key is known
  pin = {key.public_key(), key.public_key().fingerprint()};
  const Verification verification = verify(logs);
  BOOST_TEST(verification.passed(), describe(verification));
  BOOST_TEST(finds({audit, first_lines(logs.checkpoints, 2)}, "unsigned_tail"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace sluice::evidence
