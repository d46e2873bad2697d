"""Checks an evidence directory, or one proof, without any of Sluice's code. Exit 4 at an issue.
Written from the format's description, so that a mistake in one verifier is none in the other.

    verify.py DIRECTORY [--fingerprint HEX] [--head SEQ:HASH] [--running]
    verify.py --proof FILE [--fingerprint HEX] [--root HEX]"""
import argparse
import base64
import hashlib
import json
import re
from pathlib import Path
from types import SimpleNamespace

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HEX = "[0-9a-f]{64}"  # `cut`: what a line's own hash does not cover
RECORD = re.compile(rf'\{{"seq":(?P<seq>[1-9]\d*),"prev_hash":"(?P<prev>|{HEX})",'
                    rf'(?P<cut>"record_hash":"(?P<hash>{HEX})",)"timestamp":.*\}}\n', re.A)
CHECKPOINT = re.compile(
    rf'\{{"seq":(?P<seq>[1-9]\d*),"head_anchor_seq":[1-9]\d*,"head_anchor_hash":"{HEX}",'
    rf'"prev_checkpoint_hash":"(?P<prev>|{HEX})"(?P<cut>,"checkpoint_hash":"(?P<hash>{HEX})",'
    r'"signature":"[\w+/]*=*"),"timestamp":"[^"\\]*"\}\n', re.A)
NAMES_POLICY = {"policy_loaded", "egress_allowed", "policy_denied", "approval_required"}


def expect(good, what):
    if not good:
        raise ValueError(what)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def check_signature(key, text, signature):
    raw = base64.b64decode(signature, validate=True)
    expect(base64.b64encode(raw).decode() == signature, "base64 with bits that mean nothing")
    loaded = serialization.load_der_public_key(key)
    expect(loaded.curve.name == "secp256r1", "not a P-256 key")
    loaded.verify(raw, text.encode(), ec.ECDSA(hashes.SHA256()))


def read(pattern, line):
    """A record or a checkpoint, if it is canonical and has the hash it names."""
    expect(found := pattern.fullmatch(line), f"not canonical: {line[:60]!r}")
    text = line[:found.start("cut")] + line[found.end("cut"):-1]
    own = sha(text.encode("utf-8", "surrogateescape")).hex()
    expect(own == found["hash"], f"number {found['seq']} does not have the hash it names")
    return SimpleNamespace(**json.loads(line) | found.groupdict() | {"seq": int(found["seq"])})


def read_all(pattern, paths, running):
    for path in paths:
        for line in path.open(encoding="utf-8", errors="surrogateescape", newline="\n"):
            if line[-1] == "\n" or not running or path != paths[-1]:
                yield path, read(pattern, line)  # without its end it is being written


def read_checkpoints(folder, running):
    last = SimpleNamespace(seq=0, head_anchor_seq=0, hash="")
    for _, mark in read_all(CHECKPOINT, [folder / "audit.checkpoints"], running):
        expect(mark.seq == last.seq + 1 and mark.prev == last.hash and mark.head_anchor_seq >
               last.head_anchor_seq, f"checkpoint {mark.seq} does not follow {last.seq}")
        yield (last := mark)


def check_manifest(folder, key, *counted):
    said = json.loads((folder / "manifest.json").read_text())
    own, signature = said.pop("manifest_hash"), said.pop("signature")
    expect(sha(json.dumps(said, separators=(",", ":")).encode()).hex() == own, "manifest: its hash")
    check_signature(key, own, signature)
    expect(list(said.values())[2:] == [*counted, sha(key).hex()], "the manifest counts otherwise")
    pem = serialization.load_der_public_key(key).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    expect((folder / "daemon.pub").read_bytes() == pem, "daemon.pub is another key")


def check_log(folder, given):
    marks = list(read_checkpoints(folder, given.running))
    due, tree, key, policies = marks[::-1], [], b"", set()
    last = gone = SimpleNamespace(seq=0, hash="")
    kept, removed = folder / "audit.retained", None
    if kept.exists():  # of segments that were removed: records of keys, and the last record of all
        gone = read(RECORD, kept.read_text().splitlines(True)[-1])
        removed = [str(gone.seq), gone.hash, sha(kept.read_bytes()).hex()]
    segments = sorted(folder.glob(f"audit-{'[0-9]' * 20}.jsonl"))
    paths = [kept] * kept.exists() + [path for path in segments if int(path.name[6:26]) > gone.seq]
    witnessed = given.head in [f"{mark.head_anchor_seq}:{mark.head_anchor_hash}" for mark in marks]
    told, trusted, signed_trusted, closed = not removed, False, False, False
    for path, record in read_all(RECORD, [*paths, folder / "audit.jsonl"], given.running):
        seq, event, payload = record.seq, record.event_type, record.payload
        if path != kept:
            expect((seq, record.prev) == (last.seq + 1, last.hash), f"record {seq}: its place")
        elif event == "log_checkpoint":
            tree = [bytes.fromhex(part) for part in re.findall(HEX, payload["merkle_subtrees"])]
        mark = None
        while due and due[-1].head_anchor_seq <= seq:
            mark = due.pop()
            expect(mark.head_anchor_hash == record.hash or path == kept and
                   mark.head_anchor_seq < seq, f"checkpoint {mark.seq} is of another record")
            check_signature(key, mark.hash, mark.signature)
            signed_trusted = trusted
        if event in ("log_key_created", "log_key_rotated"):
            old, key = key, base64.b64decode(payload["public_key"])
            if old:
                check_signature(old, "log_key_rotated " + sha(key).hex(), payload["signature"])
            trusted = trusted or sha(key).hex() == given.fingerprint
        if event == "log_checkpoint":
            root, *above = tree[::-1] or [sha()]
            for part in above:
                root = sha(b"\1", part, root)
            expect((payload["merkle_size"], payload["merkle_root"]) == (seq - 1, root.hex()),
                   f"record {seq}: not the Merkle root of the records before")
            expect(mark and mark.seq == payload["checkpoint_seq"] or given.running and not due,
                   f"record {seq} does not have the checkpoint it names")
        closed = mark and event == "log_checkpoint" and payload["cause"] == "stop"
        digest = event in NAMES_POLICY and payload.get("policy_digest")
        if digest and digest not in policies:
            policies.add(digest)
            snapshot = (folder / "policies" / (digest.replace(":", "-") + ".json")).read_bytes()
            expect("sha256:" + sha(snapshot).hex() == digest, f"policy {digest} was changed")
        told = told or event == "segments_removed" and removed == [
            payload[name] for name in ("through_seq", "through_hash", "retained_sha256")]
        witnessed = witnessed or given.head == f"{seq}:{record.hash}"
        node, size = sha(b"\0", bytes.fromhex(record.hash)), seq - 1
        while size & 1 and tree:  # RFC 6962 §2.1: it has one hash for each complete subtree
            node, size = sha(b"\1", tree.pop(), node), size >> 1
        tree.append(node)
        last = record
    expect(last.seq and marks and not due, "there is nothing, or checkpoints of what is not here")
    head, count = f"{last.seq}:{last.hash}", last.seq - gone.seq
    if (folder / "manifest.json").exists():
        check_manifest(folder, key, count, last.seq, last.hash, len(marks),
                       marks[-1].head_anchor_seq, marks[-1].head_anchor_hash)
        closed = True  # where it ends is signed
    expect(told, f"no record says that those up to {gone.seq} were removed")
    expect(witnessed or not given.head, "the record that the witness remembers is not here")
    expect(closed or given.running or head == given.head, "the log does not end with a clean stop")
    expect(signed_trusted or not given.fingerprint, "the pinned key did not sign the end")
    return f"{count} records, head {head}, key {sha(key).hex()}"


def climb(node, at, end, path):
    """The roots of the first `at` + 1 and `end` + 1 leaves (RFC 9162 §2.1.3.2 and §2.1.4.2)."""
    older = newer = node
    for part in path:
        expect(end, "the path is too long")
        if at & 1 or at == end:
            older, newer = sha(b"\1", part, older), sha(b"\1", part, newer)
            while at and not at & 1:
                at, end = at >> 1, end >> 1
        else:
            newer = sha(b"\1", newer, part)
        at, end = at >> 1, end >> 1
    expect(end == 0, "the path is too short")
    return older, newer


def check_proof(proof, given):
    record, seal = (read(RECORD, proof[one] + "\n") for one in ("record", "checkpoint_record"))
    mark, pem = read(CHECKPOINT, proof["checkpoint"] + "\n"), proof["public_key"].splitlines()
    key = base64.b64decode("".join(pem[1:-1]), validate=True)
    check_signature(key, mark.hash, mark.signature)
    expect(sha(key).hex() == (given.fingerprint or sha(key).hex()), "it is signed by another key")
    named = mark.head_anchor_seq, mark.head_anchor_hash, "log_checkpoint"
    expect(named == (seal.seq, seal.hash, seal.event_type), "the root is not what was signed")
    root, size = bytes.fromhex(seal.payload["merkle_root"]), seal.payload["merkle_size"]
    expect((proof["tree_size"], proof["seq"]) == (size, record.seq), "it counts otherwise")
    leaf, path = sha(b"\0", bytes.fromhex(record.hash)), map(bytes.fromhex, proof["inclusion"])
    expect(record.seq <= size and climb(leaf, record.seq - 1, size - 1, path)[1] == root,
           "the path does not lead from the record to the root")
    if older := proof.get("from"):
        path, node = list(map(bytes.fromhex, older["consistency"])), bytes.fromhex(older["root"])
        expect(0 < older["size"] <= size, "the older tree is larger")
        at, end = (older["size"] - 1, size - 1) if older["size"] < size else (0, 0)
        while at & 1:  # up to the largest subtree that ends where the older tree does
            at, end = at >> 1, end >> 1
        roots = climb(path.pop(0) if at else node, at, end, path)
        expect(roots == (node, root), "the tree does not begin with the older one")
    expect(given.root in ("", older and older["root"]), "the older root is not the one given")
    return f"record {record.seq} of {size}"


if __name__ == "__main__":
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("directory", nargs="?", type=Path)
    options.add_argument("--running", action="store_true", help="it is, or then was, being written")
    for option in ("--proof", "--fingerprint", "--head", "--root"):
        options.add_argument(option, default="")
    asked = options.parse_args()
    try:
        print("OK ", check_proof(json.loads(Path(asked.proof).read_text()), asked) if asked.proof
              else check_log(asked.directory, asked))
    except Exception as error:  # whatever it is, this is not a log that holds
        print(f"FAILED: {error!r}")
        raise SystemExit(4) from None
    if not asked.fingerprint:
        print("not checked: whose key signed it (--fingerprint)")
