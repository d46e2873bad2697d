"""One corpus of forged logs and proofs, two verifiers that share no code: `sluice evidence verify`
and examples/verify/verify.py. Both must find every forgery, and accept what is true."""

import base64
import csv
import hashlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from servers import HttpUpstream
from sluice_test import UP, Sluice, SluiceTestCase, main, run_cli, wait_until

VERIFY = Path(__file__).parents[2] / "examples/verify/verify.py"
AUDIT, CHECKPOINTS = "audit.jsonl", "audit.checkpoints"


def sha(data):
    return hashlib.sha256(data).digest()


def root_of(leaves):
    """RFC 6962 §2.1, word for word: slow, and not how either verifier does it."""
    if len(leaves) < 2:
        return sha(b"\0" + leaves[0]) if leaves else sha(b"")
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:]))


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Forger:
    """Writes a log anew: what somebody can do who has the format, and perhaps a key."""

    def __init__(self, key=None):
        self.key, self.records, self.checkpoints, self.leaves, self.head = key, [], [], [], ""

    def add(self, event, payload):
        if event == "log_checkpoint":
            payload |= {"merkle_size": len(self.leaves), "merkle_root": root_of(self.leaves).hex(),
                        "checkpoint_seq": len(self.checkpoints) + 1}
        if event == "log_key_created" and self.key:
            der = self.key.public_key().public_bytes(serialization.Encoding.DER,
                                                     serialization.PublicFormat.SubjectPublicKeyInfo)
            payload |= {"public_key": base64.b64encode(der).decode(), "key_fingerprint": sha(der).hex()}
        start = f'{{"seq":{len(self.records) + 1},"prev_hash":"{self.head}",'
        rest = (f'"timestamp":"2026-01-02T03:04:05Z","event_type":"{event}","deployment_mode":"local",'
                f'"actor":"test","payload":{compact(dict(sorted(payload.items())))}}}')
        self.head = sha((start + rest).encode()).hex()
        self.records.append(f'{start}"record_hash":"{self.head}",{rest}\n')
        self.leaves.append(bytes.fromhex(self.head))
        if event == "log_checkpoint":
            self.sign()

    def sign(self):
        link = json.loads(self.checkpoints[-1])["checkpoint_hash"] if self.checkpoints else ""
        start = (f'{{"seq":{len(self.checkpoints) + 1},"head_anchor_seq":{len(self.records)},'
                 f'"head_anchor_hash":"{self.head}","prev_checkpoint_hash":"{link}"')
        rest = ',"timestamp":"2026-01-02T03:04:05Z"}'
        own = sha((start + rest).encode()).hex()
        signature = base64.b64encode(self.key.sign(own.encode(), ec.ECDSA(hashes.SHA256()))).decode() if self.key else ""
        self.checkpoints.append(f'{start},"checkpoint_hash":"{own}","signature":"{signature}"{rest}\n')

    def files(self):
        return "".join(self.records), "".join(self.checkpoints)


class Forgeries(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sluice = Sluice()
        with HttpUpstream() as upstream:
            for run in range(2):
                with cls.sluice as sluice:
                    for call in range(3):
                        sluice.get(f"http://{UP}:{upstream.port}/run-{run}/call-{call}")
                    sluice.get("http://unknown.test/")
                if run == 0:
                    cls.first_run = cls.read(sluice.evidence)
        cls.log = sluice.evidence
        cls.audit, cls.checkpoints = cls.read(cls.log)
        cls.lines, cls.marks = cls.audit.splitlines(True), cls.checkpoints.splitlines(True)
        cls.key = json.loads(run_cli("evidence", "key", "--dir", cls.log, "--json").stdout)["fingerprint"]
        cls.signing_key = serialization.load_pem_private_key((cls.log / "signing.key").read_bytes(), None)
        cls.head = json.loads(cls.lines[-1])

    @staticmethod
    def read(folder):
        return (folder / AUDIT).read_text(), (folder / CHECKPOINTS).read_text()

    def verdicts(self, audit, checkpoints, *options):
        """The exit codes of both verifiers about a directory with these files."""
        folder = self.sluice.folder / "forged"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.log, folder, ignore=shutil.ignore_patterns("audit*", "signing.key"))
        for name, text in ((AUDIT, audit), (CHECKPOINTS, checkpoints)):
            if text is not None:
                (folder / name).write_text(text)
        ours = run_cli("evidence", "verify", "--dir", folder, *options)
        theirs = subprocess.run([sys.executable, VERIFY, folder, *options], capture_output=True, text=True)
        self.said = ours.stdout + theirs.stdout + ours.stderr + theirs.stderr
        return ours.returncode, theirs.returncode

    def assert_found(self, name, audit, checkpoints, *options):
        with self.subTest(name):
            self.assertEqual(self.verdicts(audit, checkpoints, *options), (4, 4), self.said)

    def assert_good(self, name, audit, checkpoints, *options):
        with self.subTest(name):
            self.assertEqual(self.verdicts(audit, checkpoints, *options), (0, 0), self.said)

    @property
    def pin(self):
        return "--fingerprint", self.key

    def test_the_log_itself(self):
        self.assert_good("as it is", self.audit, self.checkpoints)
        self.assert_good("with pins", self.audit, self.checkpoints, *self.pin, "--head",
                         f"{self.head['seq']}:{self.head['record_hash']}")
        self.assertIn("not checked: whose key", run_cli("evidence", "verify", "--dir", self.log).stdout)

    def test_bytes(self):
        """The property tests try every byte in process; here a sample goes through both programs."""
        for text, other, ours in ((self.audit, self.checkpoints, True), (self.checkpoints, self.audit, False)):
            for at in [*range(0, len(text), len(text) // 12), len(text) - 1]:
                for changed in (text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1:], text[:at] + text[at + 1:],
                                text[:at] + " " + text[at:], text[:at]):
                    pair = (changed, other) if ours else (other, changed)
                    self.assert_found(f"{'audit' if ours else 'checkpoints'} {at} {len(changed)}", *pair)

    def test_lines(self):
        for name, lines, build in (("record", self.lines, lambda x: ("".join(x), self.checkpoints)),
                                   ("checkpoint", self.marks, lambda x: (self.audit, "".join(x)))):
            for at in range(len(lines)):
                self.assert_found(f"{name} {at} deleted", *build(lines[:at] + lines[at + 1:]))
                self.assert_found(f"{name} {at} doubled", *build(lines[:at + 1] + lines[at:]))
                if at:
                    swapped = lines[:at - 1] + [lines[at], lines[at - 1]] + lines[at + 1:]
                    self.assert_found(f"{name} {at} swapped", *build(swapped))

    def test_cuts(self):
        """Holes a and d of the original: emptied, and both files cut together."""
        witness = "--head", f"{self.head['seq']}:{self.head['record_hash']}"
        for name, audit, checkpoints in (("emptied", "", self.checkpoints), ("both emptied", "", ""),
                                         ("no audit", None, self.checkpoints), ("no checkpoints", self.audit, None),
                                         ("no checkpoint", self.audit, "")):
            self.assert_found(name, audit, checkpoints)
        for keep in range(1, len(self.marks)):
            marks = "".join(self.marks[:keep])
            anchor = json.loads(self.marks[keep - 1])["head_anchor_seq"]
            self.assert_found(f"only the checkpoints, to {keep}", self.audit, marks)
            self.assert_found(f"only the log, to {anchor}", "".join(self.lines[:anchor]), self.checkpoints)
            both = "".join(self.lines[:anchor]), marks
            if both[0] == self.first_run[0]:  # what it was after its first run: only a witness knows
                self.assert_good("an old log", *both, *self.pin)
            else:
                self.assert_found(f"both, to {anchor}", *both)
            self.assert_found(f"both, to {anchor}, with a witness", *both, *witness)

    def rewritten(self, key, change=lambda records: records):
        forger = Forger(key)
        for event, payload in change([(json.loads(line)["event_type"], json.loads(line)["payload"])
                                      for line in self.lines]):
            forger.add(event, payload)
        return forger

    def test_written_anew(self):
        """Hole b: a whole new log, unsigned, or signed by another key."""
        self.assert_found("unsigned", *self.rewritten(None).files())
        other = ec.generate_private_key(ec.SECP256R1())
        self.assert_found("another key", *self.rewritten(other).files(), *self.pin)
        # Without a pin nothing in the files can tell: that is what a pin is for, and it is said.
        self.assert_good("another key, not pinned", *self.rewritten(other).files())
        true_key_first = self.rewritten(other, lambda records: records[:1] + records)
        self.assert_found("two first keys", *true_key_first.files())
        self.assert_good("the true key", *self.rewritten(self.signing_key).files(), *self.pin)

    def test_old_checkpoints_against_a_new_chain(self):
        """Hole c: the log is changed and signed anew from there on; older checkpoints contradict it."""
        def change(records):
            return [(event, payload | {"actor_note": "forged"} if number == 3 else payload)
                    for number, (event, payload) in enumerate(records)]
        forger = self.rewritten(self.signing_key, change)
        anchors = [json.loads(mark) for mark in forger.checkpoints]
        forger.checkpoints = self.marks[:2]
        for anchor in anchors[2:]:
            kept = forger.records, forger.head
            forger.records, forger.head = forger.records[:anchor["head_anchor_seq"]], anchor["head_anchor_hash"]
            forger.sign()
            forger.records, forger.head = kept
        self.assert_found("signed anew", *forger.files(), *self.pin)

    def test_tails(self):
        def grown(event, payload):
            forger = Forger(None)
            forger.records, forger.head = list(self.lines), self.head["record_hash"]
            forger.checkpoints, forger.leaves = list(self.marks), [
                bytes.fromhex(json.loads(line)["record_hash"]) for line in self.lines]
            forger.add(event, payload)
            return forger
        plain = grown("egress_allowed", {"forged": True})
        self.assert_found("a record behind the end", "".join(plain.records), self.checkpoints)
        seal = grown("log_checkpoint", {"cause": "stop"})
        self.assert_found("one that says it is signed", "".join(seal.records), self.checkpoints)
        self.assert_found("a checkpoint that is not", *seal.files())

    def test_a_dead_writer_is_told_from_a_clean_stop(self):
        with Sluice() as sluice:
            sluice.get("http://unknown.test/")
            wait_until(lambda: sluice.records("policy_denied"))
            sluice.process.kill()
            sluice.process.wait()
            self.assert_found("died", *self.read(sluice.evidence))
            sluice.kill()
            sluice.start()
        self.assert_good("went on", *self.read(sluice.evidence))
        self.assertEqual([r["payload"]["cause"] for r in sluice.records("log_recovered")], ["no_clean_stop"])

    def test_segments(self):
        """The chain goes through all files; a file that is gone, swapped or renamed is found by both."""
        config = {"evidence": {"dir": "evidence", "segment_size": "64KiB"}}
        with HttpUpstream() as upstream, Sluice(config=config) as sluice:
            for call in range(150):
                sluice.get(f"http://{UP}:{upstream.port}/{'long/' * 60}{call}")
        parts = sorted(sluice.evidence.glob("audit-*.jsonl"))
        self.assertGreater(len(parts), 1)
        folder = sluice.folder / "copy"

        def verdicts(change):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(sluice.evidence, folder)
            change()
            return (run_cli("evidence", "verify", "--dir", folder).returncode,
                    subprocess.run([sys.executable, VERIFY, folder], capture_output=True).returncode)

        self.assertEqual(verdicts(lambda: None), (0, 0))
        names = [folder / part.name for part in parts] + [folder / AUDIT]
        for name in names:
            with self.subTest(name.name):
                self.assertEqual(verdicts(name.unlink), (4, 4))
                self.assertEqual(verdicts(lambda: name.write_bytes(name.read_bytes()[:-1])), (4, 4))
        self.assertEqual(verdicts(lambda: (names[0].rename(folder / "x"), names[1].rename(names[0]),
                                           (folder / "x").rename(names[1]))), (4, 4))
        seqs = [record["seq"] for record in sluice.records()]
        self.assertEqual(seqs, list(range(1, len(seqs) + 1)))
        shown = json.loads(run_cli("evidence", "show", "--dir", sluice.evidence, "--json").stdout)
        self.assertEqual([record["seq"] for record in shown["records"]], seqs)

    def test_export(self):
        bundle = self.sluice.folder / "bundle"
        done = run_cli("evidence", "export", "--dir", self.log, "--to", bundle)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(run_cli("evidence", "export", "--dir", self.log, "--to", bundle).returncode, 1)
        self.assertEqual(run_cli("evidence", "verify", "--dir", bundle, *self.pin).returncode, 0)
        self.assertEqual(subprocess.run([sys.executable, VERIFY, bundle, *self.pin], capture_output=True).returncode, 0)
        manifest = json.loads((bundle / "manifest.json").read_text())
        self.assertEqual((manifest["audit_record_count"], manifest["audit_head_hash"], manifest["pub_key_fingerprint"]),
                         (len(self.lines), self.head["record_hash"], self.key))
        for name in ("manifest.json", "daemon.pub", AUDIT, CHECKPOINTS):
            with self.subTest(name):
                good = (bundle / name).read_bytes()
                (bundle / name).write_bytes(good[:80] + bytes([good[80] ^ 1]) + good[81:])
                self.assertEqual(run_cli("evidence", "verify", "--dir", bundle).returncode, 4)
                (bundle / name).write_bytes(good)

        def exported(form):
            done = run_cli("evidence", "export", "--dir", self.log, "--format", form)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout
        self.assertEqual(exported("ndjson"), self.audit)  # to the byte: it can be verified again
        self.assertEqual(json.loads(exported("json")), [json.loads(line) for line in self.lines])
        rows = list(csv.DictReader(io.StringIO(exported("csv"))))
        self.assertEqual([row["record_hash"] for row in rows], [json.loads(line)["record_hash"] for line in self.lines])
        self.assertEqual([json.loads(row["payload"]) for row in rows], [json.loads(line)["payload"] for line in self.lines])
        self.assertIn("default_deny", {row["reason_code"] for row in rows})
        self.assertEqual(run_cli("evidence", "export", "--dir", self.log, "--format", "csv", "--json").returncode, 2)

    # Proofs

    def prove(self, *options):
        done = run_cli("evidence", "prove", "--dir", self.log, *options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def proof_verdicts(self, proof, *options):
        file = self.sluice.folder / "proof.json"
        file.write_text(json.dumps(proof))
        ours = run_cli("evidence", "verify-proof", file, *options)
        theirs = subprocess.run([sys.executable, VERIFY, "--proof", file, *options], capture_output=True, text=True)
        self.said = ours.stdout + theirs.stdout + ours.stderr + theirs.stderr
        return ours.returncode, theirs.returncode

    def test_proofs(self):
        covered = len(self.lines) - 1
        leaves = [bytes.fromhex(json.loads(line)["record_hash"]) for line in self.lines]
        for seq in range(1, covered + 1, 3):
            for size in (1, 2, 7, covered - 1, covered):
                proof = self.prove(str(seq), "--from", str(size))
                pins = *self.pin, "--root", root_of(leaves[:size]).hex()
                self.assertEqual(self.proof_verdicts(proof, *pins), (0, 0), self.said)
        self.assertEqual(run_cli("evidence", "prove", str(covered + 1), "--dir", self.log).returncode, 3)

    def test_forged_proofs(self):
        good = self.prove("5", "--from", "6")
        other = self.prove("8", "--from", "7")
        self.assertEqual(self.proof_verdicts(good, *self.pin), (0, 0), self.said)
        forged = {f"{key} of another": good | {key: other[key]} for key in ("record", "seq", "inclusion", "from")}
        forged |= {key + " cut": good | {key: good[key][:-1]} for key in good
                   if isinstance(good[key], str) and key != "public_key"}
        forged |= {"path shorter": good | {"inclusion": good["inclusion"][:-1]},
                   "path longer": good | {"inclusion": good["inclusion"] + ["00" * 32]},
                   "size": good | {"tree_size": good["tree_size"] - 1},
                   "older size": good | {"from": good["from"] | {"size": 5}},
                   "older root": good | {"from": good["from"] | {"root": "00" * 32}},
                   "no older path": good | {"from": good["from"] | {"consistency": []}},
                   "nothing": {}}
        for key in good:
            forged[f"no {key}"] = {k: v for k, v in good.items() if k != key}
        for name, proof in forged.items():
            if name in ("no from", "no version", "from of another"):
                continue  # a proof without a past, or with another past, is still a proof
            with self.subTest(name):
                self.assertEqual(self.proof_verdicts(proof, *self.pin), (4, 4), self.said)
        self.assertEqual(self.proof_verdicts(good, "--fingerprint", "0" * 64), (4, 4), self.said)
        self.assertEqual(self.proof_verdicts(good, *self.pin, "--root", "0" * 64), (4, 4), self.said)


if __name__ == "__main__":
    main()
