"""Checks an evidence directory, or one proof, without any of Sluice's code.

    verify.py DIRECTORY [--fingerprint HEX] [--head SEQ:HASH] [--running]
    verify.py --proof FILE [--fingerprint HEX] [--root HEX]

Written from the description of the format, so that a mistake in one verifier is none in the other.
One issue a line, exit 4 when there are any. --running: it is, or was copied while it was, being written."""
import argparse
import base64
import hashlib
import json
import re
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

sha = lambda data: hashlib.sha256(data).digest()  # noqa: E731
HEX = "[0-9a-f]{64}"
IN_FORCE = {"policy_loaded", "egress_allowed", "policy_denied", "approval_required"}  # they name a policy that was
RECORD = re.compile(rf'(\{{"seq":([1-9]\d*),"prev_hash":"(|{HEX})",)"record_hash":"({HEX})",("timestamp":.*\}})', re.A)
CHECKPOINT = re.compile(
    rf'(\{{"seq":([1-9]\d*),"head_anchor_seq":([1-9]\d*),"head_anchor_hash":"({HEX})","prev_checkpoint_hash":"(|{HEX})")'
    rf',"checkpoint_hash":"({HEX})","signature":"([\w+/]*=*)"(,"timestamp":"[^"\\]*"\}})', re.A)


class Key:
    def __init__(self, der):
        self.fingerprint, self.key = sha(der).hex(), serialization.load_der_public_key(der)
        if self.key.curve.name != "secp256r1":
            raise ValueError("not a P-256 key")

    def signed(self, text, signature):
        raw = base64.b64decode(signature, validate=True)
        try:
            self.key.verify(raw, text.encode(), ec.ECDSA(hashes.SHA256()))
            return base64.b64encode(raw).decode() == signature  # base64 has bits that mean nothing
        except InvalidSignature:
            return False


class Tree:
    """RFC 6962 §2.1 over record hashes, one hash for each complete subtree."""
    def __init__(self, size=0, parts=()):
        self.parts, self.size = list(parts), size

    def add(self, record_hash):
        node, bits = sha(b"\0" + record_hash), self.size
        while bits & 1:
            node, bits = sha(b"\1" + self.parts.pop() + node), bits >> 1
        self.parts.append(node)
        self.size += 1

    def root(self):
        node = self.parts[-1] if self.parts else sha(b"")
        for part in reversed(self.parts[:-1]):
            node = sha(b"\1" + part + node)
        return node


def hashed(pattern, line, own):
    """The parts of a line, if it has the hash it names, which is part `own`."""
    if not (match := pattern.fullmatch(line)):
        raise ValueError(f"not canonical: {line[:60]!r}")
    parts = match.groups()
    tail = re.sub(r'"payload":null(?=\}$|,"hosted_context":)', '"payload":{}', parts[-1])  # §5.2: hashed as {}
    if sha((parts[0] + tail).encode("utf-8", "surrogateescape")).hex() != parts[own]:
        raise ValueError(f"number {parts[1]} does not have the hash it names")
    return parts


def read_record(line):
    _, seq, prev_hash, record_hash, _ = hashed(RECORD, line, 3)
    fields = json.loads(line)
    return int(seq), prev_hash, record_hash, fields["event_type"], fields["payload"] or {}


def read_checkpoint(line):
    _, seq, anchor, *rest = hashed(CHECKPOINT, line, 5)  # the record's hash, the link, its own hash, the signature
    return int(seq), int(anchor), *rest[:4]


def rows(paths, read, say, running=False):
    for path in paths:
        for line in path.open(encoding="utf-8", errors="surrogateescape", newline="\n"):
            try:
                if not (running and path == paths[-1] and line[-1] != "\n"):
                    yield path, read(line[:-1])  # of a last line without a newline something is missing then
            except ValueError as error:
                say(f"{path.name}: {error}")


def check_manifest(folder, key, counted, say):
    said, form = json.loads((folder / "manifest.json").read_text()), serialization.PublicFormat.SubjectPublicKeyInfo
    own, signature = said.pop("manifest_hash"), said.pop("signature")
    if sha(json.dumps(said, separators=(",", ":")).encode()).hex() != own or not key.signed(own, signature):
        say("the manifest does not have the hash it names, or is not signed by the key that signs the log")
    pem = key.key.public_bytes(serialization.Encoding.PEM, form).decode()
    if list(said.values())[2:] != [*counted, key.fingerprint] or (folder / "daemon.pub").read_text() != pem:
        say("the manifest does not count what is there, or daemon.pub is another key")


def check_log(folder, pinned, head, running, say):
    checkpoints, last, kept, gone = [], (0, 0, "", "", "", ""), folder / "audit.retained", (0, "")
    for _, one in rows([folder / "audit.checkpoints"], read_checkpoint, say, running):
        if one[0] != last[0] + 1 or one[1] <= last[1] or one[3] != last[4]:
            say(f"checkpoint {one[0]} does not follow checkpoint {last[0]}")
        checkpoints.append(last := one)
    count, tree, seq, record_hash, key, snapshots, first = len(checkpoints), Tree(), 0, "", None, set(), 0
    checkpoints.reverse()
    if kept.exists():  # what stays of segments that were removed: key records, and the last record of all
        gone = read_record(kept.read_text().splitlines()[-1])[:3:2]
    paths = [path for path in sorted(folder.glob("audit-" + "[0-9]" * 20 + ".jsonl")) if int(path.name[6:26]) > gone[0]]
    paths = [kept] * bool(gone[0]) + paths + [folder / "audit.jsonl"]
    trusted = signed_trusted = witnessed = closed = told = False
    for path, (number, prev_hash, new_hash, event, payload) in rows(paths, read_record, say, running):
        if path == kept and event == "log_checkpoint":
            parts = bytes.fromhex(payload["merkle_subtrees"])
            tree = Tree(payload["merkle_size"], (parts[at:at + 32] for at in range(0, len(parts), 32)))
        if path != kept and (number != seq + 1 or prev_hash != record_hash):
            say(f"record {number} does not follow record {seq}")
        seq, record_hash, first = number, new_hash, first + (path != kept)
        while checkpoints and checkpoints[-1][1] < seq:
            old = checkpoints.pop()
            witnessed = witnessed or old[1:3] == head
            if path != kept or not key or not key.signed(old[4], old[5]):
                say(f"checkpoint {old[0]} names a record that is not here, or is not signed by the key in force")
        if event in ("log_key_created", "log_key_rotated"):
            new = Key(base64.b64decode(payload["public_key"]))
            vouched = key and key.signed("log_key_rotated " + new.fingerprint, payload.get("signature", ""))
            if key and not vouched:
                say(f"record {seq}: a new key that the one before did not sign")
            trusted, key = new.fingerprint == pinned or bool(trusted and vouched), new
        signed = checkpoints.pop() if checkpoints and checkpoints[-1][1] == seq else None
        if event == "log_checkpoint":
            if (payload["merkle_size"], payload["merkle_root"]) != (tree.size, tree.root().hex()):
                say(f"record {seq}: not the Merkle root of the records before")
            if (not signed or signed[0] != payload["checkpoint_seq"]) and (checkpoints or not running):
                say(f"record {seq} was to be signed by checkpoint {payload['checkpoint_seq']}")
        if signed and (signed[2] != record_hash or not key or not key.signed(signed[4], signed[5])):
            say(f"checkpoint {signed[0]} names another record {seq}, or is not signed by the key in force")
        if event in IN_FORCE and (digest := payload.get("policy_digest")) and digest not in snapshots:
            snapshots.add(digest)
            file = folder / "policies" / (digest.replace(":", "-") + ".json")
            if not file.is_file() or "sha256:" + sha(file.read_bytes()).hex() != digest:
                say(f"record {seq}: no snapshot of policy {digest}, or it was changed")
        told = told or event == "segments_removed" and [payload[name] for name in (
            "through_seq", "through_hash", "retained_sha256")] == [str(gone[0]), gone[1], sha(kept.read_bytes()).hex()]
        signed_trusted = trusted if signed else signed_trusted
        closed = bool(signed) and event == "log_checkpoint" and payload["cause"] == "stop"
        witnessed = witnessed or (seq, record_hash) == head
        tree.add(bytes.fromhex(record_hash))
    if (folder / "manifest.json").exists():
        check_manifest(folder, key, [first, seq, record_hash, count, *last[1:3]], say)
        closed = True  # where it ends is signed
    for wrong, what in ((not seq or not last[0], "the log has no records, or no checkpoints"),
                        (checkpoints, f"checkpoints name records that are not here, such as {checkpoints[-1:]}"),
                        (gone[0] and not told, f"no record says that retention removed the records up to {gone[0]}"),
                        (head and not witnessed, "the record that the witness remembers is not here"),
                        (not closed and not running and not (witnessed and head[0] == seq),
                         "the log does not end with a clean stop"),
                        (pinned and not signed_trusted, "the last checkpoint is not signed for by the pinned key")):
        if wrong:
            say(what)
    return f"{first} records, head {seq}:{record_hash}, key {key and key.fingerprint}"


def climb(node, index, size, path):
    """The root a path of inclusion leads to (RFC 6962 §2.1.1); its last part is the uppermost."""
    if size == 1:
        return None if path else node
    left = 1 << (size - 1).bit_length() - 1
    below = climb(node, index, left, path[:-1]) if index < left else climb(node, index - left, size - left, path[:-1])
    return sha(b"\1" + below + path[-1] if index < left else b"\1" + path[-1] + below)


def grow(old, size, path, old_root, outer=True):
    """The old root and the new one a path of consistency leads to (§2.1.2). Uses up the path."""
    if old == size:
        return (old_root if outer else path.pop(),) * 2
    left, top = 1 << (size - 1).bit_length() - 1, path.pop()
    if old <= left:
        before, after = grow(old, left, path, old_root, outer)
        return before, sha(b"\1" + after + top)
    before, after = grow(old - left, size - left, path, old_root, False)
    return sha(b"\1" + top + before), sha(b"\1" + top + after)


def check_proof(proof, pinned, root, say):
    seq, _, record_hash, *_ = read_record(proof["record"])
    seal_seq, _, seal_hash, event, seal = read_record(proof["checkpoint_record"])
    _, anchor, anchor_hash, _, own, signature = read_checkpoint(proof["checkpoint"])
    key = Key(base64.b64decode("".join(proof["public_key"].splitlines()[1:-1]), validate=True))  # PEM
    if key.fingerprint != (pinned or key.fingerprint) or not key.signed(own, signature):
        say("the checkpoint is not signed by the key, or that is not the pinned one")
    if (anchor, anchor_hash, "log_checkpoint") != (seal_seq, seal_hash, event):
        say("the checkpoint does not name the record with the root")
    top, size, path = bytes.fromhex(seal["merkle_root"]), seal["merkle_size"], list(map(bytes.fromhex, proof["inclusion"]))
    if (proof["tree_size"], proof["seq"]) != (size, seq) or not 0 < seq <= size or climb(
            sha(b"\0" + bytes.fromhex(record_hash)), seq - 1, size, path) != top:
        say("the path does not lead from the record to the root")
    if older := proof.get("from"):
        old_root, path = bytes.fromhex(older["root"]), list(map(bytes.fromhex, older["consistency"]))
        if root not in ("", older["root"]) or not 0 < older["size"] <= size or grow(
                older["size"], size, path, old_root) != (old_root, top) or path:
            say("the tree does not begin with the older one, or that is not the one given")
    elif root:
        say("there is no older root")
    return f"record {seq} of {size}"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("directory", nargs="?", type=Path)
    options.add_argument("--running", action="store_true")
    for name in ("--proof", "--fingerprint", "--head", "--root"):
        options.add_argument(name, default="")
    given, issues, told = options.parse_args(), [], ""
    seq, _, record_hash = given.head.partition(":")
    try:
        if given.proof:
            told = check_proof(json.loads(Path(given.proof).read_text()), given.fingerprint, given.root, issues.append)
        else:
            told = check_log(given.directory, given.fingerprint, seq and (int(seq), record_hash), given.running,
                             issues.append)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OSError) as error:
        issues.append(f"unreadable: {error!r}")
    pin = "" if given.fingerprint else "\nnot checked: whose key signed it (--fingerprint)"
    print("\n".join(issues[:50] + [("FAILED" if issues else f"OK  {told}") + pin]))
    return 4 if issues else 0


if __name__ == "__main__":
    raise SystemExit(main())
