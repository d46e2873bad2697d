"""Exports for a SIEM: CEF and OCSF, of a real log and of a hostile one, read by parsers written from the formats."""

import json
import re

from servers import HttpUpstream
from sluice_test import UP, Sluice, SluiceTestCase, main, run_cli
from test_evidence_forgery import Forger


def split_escaped(text, separator, count):
    """`text` at the first `count` separators that no backslash stands before."""
    parts, at = [""], 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            parts[-1] += text[at:at + 2]
            at += 2
            continue
        if text[at] == separator and len(parts) <= count:
            parts.append("")
        else:
            parts[-1] += text[at]
        at += 1
    return parts


def plain(text):
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), text)


def read_cef(line):
    """Header fields, and the extension as a dict: a key stands before an '=' that no backslash is before."""
    *header, extension = split_escaped(line, "|", 7)
    fields, keys = {}, list(re.finditer(r"(?:^| )(\w+)(?<!\\)=", extension))
    for key, after in zip(keys, keys[1:] + [None]):
        fields[key[1]] = plain(extension[key.end():after.start() if after else None])
    return [plain(part) for part in header], fields


HOSTILE = ["a|b", "a=b", "back\\slash", "end\\", "new\nline", "cr\rlf\r\n", "x act=allow", "CEF:0|Sluice|x|1|e|e|0|act=allow",
           "nul\x00\x1b[2J\x7f", "\u2028\u2029 ü 𝕏", "=", "\\=", "|" * 50, " dhost=evil.example", "\\n", "\"}{"]


class Siem(SluiceTestCase):
    def export(self, folder, form, *options):
        done = run_cli("evidence", "export", "--dir", folder, "--format", form, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_real_log(self):
        with HttpUpstream() as upstream, Sluice() as sluice:
            sluice.get(f"http://{UP}:{upstream.port}/a", method="POST", body="hello")
            sluice.get("http://unknown.test/b")
        records = sluice.records()
        cef = [read_cef(line) for line in self.export(sluice.evidence, "cef").splitlines()]
        self.assertEqual([int(fields["cn1"]) for _, fields in cef], [r["seq"] for r in records])
        self.assertEqual([fields["externalId"] for _, fields in cef], [r["record_hash"] for r in records])
        self.assertEqual([header[4] for header, _ in cef], [r["event_type"] for r in records])
        blocked = next(fields for header, fields in cef if header[4] == "policy_denied")
        self.assertEqual((blocked["act"], blocked["dhost"], blocked["dpt"], blocked["request"], blocked["cs1"]),
                         ("block", "unknown.test", "80", "/b", "default_deny"))
        ended = next(fields for header, fields in cef if header[4] == "egress_outcome")
        self.assertEqual((ended["outcome"], ended["out"]), ("succeeded", "5"))
        for header, _ in cef:
            self.assertEqual((header[0], header[1], len(header)), ("CEF:0", "Sluice", 7))
            self.assertIn(int(header[6]), range(11))
        ocsf = [json.loads(line) for line in self.export(sluice.evidence, "ocsf").splitlines()]
        self.assertEqual([one["metadata"]["uid"] for one in ocsf], [r["record_hash"] for r in records])
        self.assertEqual([one["unmapped"] for one in ocsf], [r["payload"] for r in records])
        for one in ocsf:
            self.assertEqual(one["type_uid"], one["class_uid"] * 100 + one["activity_id"])
            self.assertGreater(one["time"], 1_700_000_000_000)
            self.assertIn(one["severity_id"], range(1, 6))
        post = next(one for one in ocsf if one["message"] == "egress_allowed")
        self.assertEqual((post["class_uid"], post["activity_id"], post["action_id"], post["disposition_id"]), (4002, 6, 1, 1))
        self.assertEqual(post["http_request"]["url"]["hostname"], UP)
        self.assertEqual(post["dst_endpoint"]["port"], upstream.port)
        denied = next(one for one in ocsf if one["message"] == "policy_denied")
        self.assertEqual((denied["action_id"], denied["disposition_id"], denied["firewall_rule"]["uid"]), (2, 2, "default_deny"))
        self.assertEqual({one["class_uid"] for one in ocsf}, {0, 4002})

    def test_hostile_text_stays_in_its_field(self):
        sluice = Sluice()
        forger, folder = Forger(), sluice.folder / "hostile"
        folder.mkdir()
        for text in HOSTILE:
            forger.add("policy_denied", {"decision": "block", "path": text, "method": text, "rule_id": text, "detail": text,
                                         "destination_text": text + ":443", "call_id": text})
        for odd in (7, None, ["x"], {"a": 1}, True):
            forger.add("policy_denied", {key: odd for key in ("decision", "path", "destination", "destination_text",
                                                              "http_status", "severity", "rule_id", "bytes_to_upstream")})
        forger.records = [line.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029") for line in forger.records]
        (folder / "audit.jsonl").write_text("".join(forger.records))
        readable = [json.loads(line)["seq"] for line in run_cli("evidence", "export", "--dir", folder, "--format", "ndjson")
                    .stdout.split("\n")[:-1]]
        done = run_cli("evidence", "export", "--dir", folder, "--format", "cef")
        lines = done.stdout.split("\n")[:-1]
        self.assertEqual((len(lines), len(readable)), (len(forger.records),) * 2)
        for line, seq in zip(lines, readable):
            self.assertNotRegex(line, r"[\x00-\x1f\x7f]")
            header, fields = read_cef(line)
            self.assertEqual((header[0], header[4], len(header), fields["cn1"]), ("CEF:0", "policy_denied", 7, str(seq)))
            if seq <= len(HOSTILE):
                wanted = re.sub(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", " ", HOSTILE[seq - 1])
                self.assertEqual((fields["request"], fields["cs1"], fields["act"]), (wanted, wanted, "block"))
        done = run_cli("evidence", "export", "--dir", folder, "--format", "ocsf")
        lines = done.stdout.split("\n")[:-1]
        self.assertEqual([json.loads(line)["metadata"]["sequence"] for line in lines], readable)
        for line in lines:
            one = json.loads(line)
            if one["metadata"]["sequence"] <= len(HOSTILE):
                text = HOSTILE[one["metadata"]["sequence"] - 1]
                self.assertEqual((one["http_request"]["url"]["path"], one["action_id"]), (text, 2))

    def test_usage(self):
        with Sluice() as sluice:
            pass
        for form in ("cef", "ocsf"):
            done = run_cli("evidence", "export", "--dir", sluice.evidence, "--format", form, "--json")
            self.assertEqual(done.returncode, 2)
        self.assertEqual(run_cli("evidence", "export", "--dir", sluice.evidence, "--format", "leef").returncode, 2)
        self.assertEqual(run_cli("evidence", "export", "--dir", sluice.folder / "none", "--format", "cef").returncode, 3)


if __name__ == "__main__":
    main()
