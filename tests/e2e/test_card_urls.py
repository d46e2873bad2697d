"""Addresses that change on the way between two programs, through one sidecar and through two: what an
agent says of itself leads back through the sidecars, signed cards verify with the key of who changed
them, and what cannot be changed for certain does not arrive at all."""

import base64
import gzip
import hashlib
import http.client
import json
import socket
import threading

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from folders import temporary_folder
from servers import HttpUpstream, Response, echo, when_told
from sluice_test import LOOPBACK, SLOW, UP, Sluice, SluiceTestCase, main, read_answer, run_cli

CARD = "/.well-known/agent-card.json"
KEY = "AKIA" + "2OGYBAH6SLUICEQS"
ROUTE = "amber://route/cm91dGU"
JSON = {"Content-Type": "application/json"}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def free_port():
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


class CardKey:
    def __init__(self, name):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = temporary_folder("sluice-card-") / name
        self.file.touch(0o600)
        self.file.write_bytes(self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                     serialization.NoEncryption()))
        public = self.key.public_key()
        self.id = hashlib.sha256(public.public_bytes(serialization.Encoding.DER,
                                                     serialization.PublicFormat.SubjectPublicKeyInfo)).hexdigest()

    def verifies(self, card, entry):
        """Whether the JWS of this entry is over the card without its signatures."""
        bare = {name: value for name, value in card.items() if name != "signatures"}
        payload = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        raw = unb64(entry["signature"])
        assert len(raw) == 64
        pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        try:
            self.key.public_key().verify(pair, f"{entry['protected']}.{b64(payload)}".encode(),
                                         ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


def side(name, port, upstream, request, response, **more):
    def table(pairs):
        return [{"from": one, "to": other} for one, other in pairs]
    return {"name": name, "kind": "reverse", "bind": f"{LOOPBACK}:{port}", "upstream": upstream,
            "urls": {"request": table(request), "response": table(response)} | more}


def ask(port, path, method="GET", body=None, headers=None):
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10 * SLOW)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        return read_answer(connection.getresponse())
    finally:
        connection.close()


class CardUrls(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls.enterClassContext(HttpUpstream(echo))
        cls.own = f"http://{LOOPBACK}:{cls.agent.port}"
        cls.keys = {name: CardKey(f"{name}.key") for name in ("provider", "consumer")}
        duties = {"sign": lambda name: {"cards": "sign", "card_key": str(cls.keys[name].file)},
                  "keep": lambda _: {"cards": "keep"}, "refuse": lambda _: {}}
        cls.slots = {duty: free_port() for duty in duties}
        # The provider's sidecar, and the consumer's; a listener for each way to treat cards.
        cls.provider = cls.enterClassContext(Sluice(listeners=[
            side(duty, 0, f"http://{UP}:{cls.agent.port}", [(ROUTE, cls.own)], [(cls.own, ROUTE)], **made("provider"))
            for duty, made in duties.items()]))
        cls.consumer = cls.enterClassContext(Sluice(listeners=[
            side(duty, slot, f"http://{UP}:{cls.provider.ports[duty]}", [(f"http://{LOOPBACK}:{slot}", ROUTE)],
                 [(ROUTE, f"http://{LOOPBACK}:{slot}")], **duties[duty]("consumer"))
            for duty, slot in cls.slots.items()]))

    def setUp(self):
        self.agent.requests.clear()
        self.agent.respond_with(echo)

    def serve(self, body, status=200, chunks=None, **headers):
        body = body if isinstance(body, bytes) else body.encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.agent.respond_with(lambda request: Response(status, body, JSON | named, chunks))

    def card(self, **more):
        return {"name": "Ägent", "version": "1.0", "url": f"{self.own}/a2a",
                "supportedInterfaces": [{"url": f"{self.own}/rest", "transport": "REST"}, "odd", None],
                "additionalInterfaces": [{"url": "https://elsewhere.example/x"}, {"url": f"http://localhost:"
                                          f"{self.agent.port}/y"}],
                "documentationUrl": f"{self.own}/docs", "weight": 0.1, "count": 9007199254740991} | more

    def assert_card(self, card, base):
        self.assertEqual(card["url"], f"{base}/a2a")
        self.assertEqual(card["supportedInterfaces"], [{"url": f"{base}/rest", "transport": "REST"}, "odd", None])
        self.assertEqual([one["url"] for one in card["additionalInterfaces"]],
                         ["https://elsewhere.example/x", f"{base}/y"])
        self.assertEqual(card["documentationUrl"], f"{base}/docs")
        self.assertEqual((card["weight"], card["count"], card["name"]), (0.1, 9007199254740991, "Ägent"))

    # Cards

    def test_unsigned_card(self):
        card = self.card()
        for text in (json.dumps(card), json.dumps(card, ensure_ascii=False, indent=2),
                     json.dumps(card).replace("/", "\\/"), json.dumps(card).replace(":/", "\\u003a/")):
            self.serve(text)
            for path in (CARD, "/some/prefix" + CARD + "?a=b", "/.well-known/agent.json"):
                answer = ask(self.provider.ports["sign"], path)
                got = json.loads(answer.body)
                if "\\u003a" in text:  # found in the fields of addresses, and as text nowhere else
                    got["documentationUrl"] = f"{ROUTE}/docs"
                self.assert_card(got, ROUTE)
                self.assertNotIn("signatures", got)
                self.assertEqual(int(answer.headers["content-length"]), len(answer.body))
                self.assertEqual(list(got), list(card))
            slot = self.slots["sign"]
            answer = ask(slot, CARD)
            got = json.loads(answer.body)
            if "\\u003a" in text:
                got["documentationUrl"] = f"http://{LOOPBACK}:{slot}/docs"
            self.assert_card(got, f"http://{LOOPBACK}:{slot}")

    def test_signed_card_is_signed_by_each_hop_and_the_original_kept(self):
        original = json.dumps(self.card(signatures=[{"protected": b64(b"{}"), "signature": "AA"}])).encode()
        self.serve(original, ETag='"v1"')
        answer = ask(self.provider.ports["sign"], CARD)
        once = json.loads(answer.body)
        twice = json.loads(ask(self.slots["sign"], CARD).body)
        for card, base, name in ((once, ROUTE, "provider"),
                                 (twice, f"http://{LOOPBACK}:{self.slots['sign']}", "consumer")):
            self.assert_card(card, base)
            spare, entry = card["signatures"]  # the first for who leaves out the null among the interfaces
            self.assertEqual(spare["protected"], entry["protected"])
            self.assertFalse(self.keys[name].verifies(card, spare))
            less = card | {"supportedInterfaces": [one for one in card["supportedInterfaces"] if one]}
            self.assertTrue(self.keys[name].verifies(less, spare))
            self.assertEqual(json.loads(unb64(entry["protected"])),
                             {"alg": "ES256", "typ": "JOSE", "kid": self.keys[name].id})
            self.assertTrue(self.keys[name].verifies(card, entry))
            self.assertFalse(self.keys[name].verifies(card | {"url": "http://evil"}, entry))
            self.assertEqual(unb64(spare["header"]["sluice_original_card"]), original)
        self.assertEqual(answer.headers["etag"], 'W/"v1"')
        self.assertEqual(list(once), list(json.loads(original)))

    def test_signed_card_without_a_key(self):
        self.serve(json.dumps(self.card(signatures=[{"protected": "e30", "signature": "AA"}])))
        answer = ask(self.provider.ports["refuse"], CARD)
        self.assert_problem(answer, 502, "guard.card", "card_signature_lost")
        self.provider.wait_for_record("egress_outcome", reason_code="card_signature_lost", status="blocked")
        kept = json.loads(ask(self.slots["keep"], CARD).body)
        self.assert_card(kept, f"http://{LOOPBACK}:{self.slots['keep']}")
        self.assertEqual(kept["signatures"], [{"protected": "e30", "signature": "AA"}])

    def test_a_card_that_does_not_change_is_as_it_was(self):
        for text in ('{ "url":"https://elsewhere.example", "signatures" :[{"a":1.50}] }\n', '{"a":1,"a":2}',
                     "not json", "[1]", "{"):
            self.serve(text, ETag='"v1"')
            for port in (self.slots["sign"], self.slots["refuse"]):
                self.assertEqual(ask(port, CARD).body.decode(), text)

    def test_hostile_cards(self):
        url = f'"url":"{self.own}"'
        deep = "[" * 5000 + "]" * 5000
        for text in (f'{{{url},"a":1,"a":2}}', f"{{{url},{url}}}", f'{{{url},"x":{deep}}}', f'{{{url},"a":"\\ud800"}}',
                     f"{{{url}}} trailing", f'{{{url},"n":1e999}}'):
            with self.subTest(text=text[:60]):
                self.serve(text)
                for duty in ("sign", "keep"):
                    answer = ask(self.provider.ports[duty], CARD)
                    self.assertEqual((answer.status, answer.problem["reason_code"]), (502, "upstream_protocol_error"))
        self.serve(b'{"url":"%s","a":"\xff\xfe"}' % self.own.encode())
        self.assertEqual(ask(self.provider.ports["sign"], CARD).status, 502)
        self.serve(f'{{{url},"n":9007199254740993,"signatures":[{{}}]}}')
        self.assertEqual(ask(self.provider.ports["sign"], CARD).problem["reason_code"], "card_signature_lost")
        self.serve(f'{{{url},"n":9007199254740993,"f":1.10}}')
        self.assertEqual(ask(self.provider.ports["sign"], CARD).body.decode(),
                         f'{{"url":"{ROUTE}","n":9007199254740993,"f":1.10}}')

    def test_too_large_a_card(self):
        for chunks in (None, [b'{"a":"'] + [b"x" * 65536] * 32 + [b'"}']):
            self.serve('{"a":"' + "x" * (2 << 20) + '"}', chunks=chunks)
            answer = ask(self.provider.ports["sign"], CARD)
            self.assertEqual((answer.status, answer.problem["reason_code"]), (502, "upstream_protocol_error"))
            self.assertIn("whole_body", answer.problem["detail"])
        # Compressed it is a small body, and a large card.
        self.serve(gzip.compress(b'{"a":"' + b"x" * (2 << 20) + b'"}'), Content_Encoding="gzip")
        answer = ask(self.provider.ports["sign"], CARD, headers={"Accept-Encoding": "gzip"})
        self.assertEqual(answer.status, 502)

    def test_cards_in_chunks_and_codings(self):
        text = json.dumps(self.card()).encode()
        self.serve(b"", chunks=[text[at:at + 7] for at in range(0, len(text), 7)])
        answer = ask(self.provider.ports["sign"], CARD)
        self.assert_card(json.loads(answer.body), ROUTE)
        self.assertEqual(int(answer.headers["content-length"]), len(answer.body))
        self.serve(gzip.compress(text), Content_Encoding="gzip")
        answer = ask(self.slots["sign"], CARD, headers={"Accept-Encoding": "gzip"})
        self.assertEqual(answer.headers["content-encoding"], "gzip")
        self.assert_card(json.loads(gzip.decompress(answer.body)), f"http://{LOOPBACK}:{self.slots['sign']}")

    def test_a_secret_in_a_card_is_in_no_part_of_the_new_one(self):
        self.serve(json.dumps(self.card(note=KEY, signatures=[{"protected": "e30", "signature": "AA"}])))
        card = json.loads(ask(self.provider.ports["sign"], CARD).body)
        self.assertTrue(self.keys["provider"].verifies(card, card["signatures"][-1]))
        original = unb64(card["signatures"][0]["header"]["sluice_original_card"]).decode()
        for text in (json.dumps(card), original):
            self.assertNotIn(KEY, text)
        self.assertIn("[REDACTED:", original)

    # Other messages

    def test_both_ways_through_both(self):
        slot = f"http://{LOOPBACK}:{self.slots['refuse']}"
        body = json.dumps({"callback": f"{slot}/cb", "other": "http://127.0.0.1:1", "key": KEY})
        answer = ask(self.slots["refuse"], "/rpc?x=1", "POST", body, JSON | {"X-Kept": "yes"})
        [seen] = self.agent.requests
        self.assertEqual((seen.path, seen.header("x-kept")), ("/rpc?x=1", "yes"))
        self.assertEqual(json.loads(seen.body)["callback"], f"{self.own}/cb")
        self.assertEqual(int(seen.header("content-length")), len(seen.body))
        self.assertNotIn(KEY, seen.body.decode())
        self.assertEqual(json.loads(json.loads(answer.body)["body"])["callback"], f"{slot}/cb")
        self.consumer.wait_for_record("egress_outcome")

    def test_what_says_where_to_go_on(self):
        self.serve("", 307, Location=f"{self.own}/next?a=b", Link=f"<{self.own}/2>; rel=next")
        slot = f"http://{LOOPBACK}:{self.slots['keep']}"
        answer = ask(self.slots["keep"], "/")
        self.assertEqual((answer.status, answer.headers["location"]), (307, f"{slot}/next?a=b"))
        self.assertEqual(answer.headers["link"], f"<{slot}/2>; rel=next")

    def test_events_come_as_they_are_sent(self):
        event = f'data: {{"url":"{self.own}/a","t":"%d {KEY}"}}\n\n'
        told = threading.Event()
        self.serve("", chunks=when_told((event % 1).encode(), (event % 2).encode(), told),
                   Content_Type="text/event-stream")
        slot = f"http://{LOOPBACK}:{self.slots['sign']}"
        connection = http.client.HTTPConnection(LOOPBACK, self.slots["sign"], timeout=10 * SLOW)
        connection.request("GET", "/stream")
        answer = connection.getresponse()
        first = answer.readline() + answer.readline()
        self.assertFalse(told.is_set())
        told.set()
        second = answer.read()
        connection.close()
        for number, got in ((1, first), (2, second)):
            self.assertIn(f'{{"url":"{slot}/a","t":"{number} '.encode(), got)
            self.assertNotIn(KEY.encode(), got)
            self.assertTrue(got.endswith(b"\n\n"))

    def test_types_that_are_no_text(self):
        body = f"url={self.own}".encode()
        for kind in ("application/x-www-form-urlencoded", "application/octet-stream"):
            self.serve(body, Content_Type=kind)
            self.assertEqual(ask(self.slots["keep"], "/").body, body)

    def test_a_large_body_streams(self):
        row = json.dumps({"u": f"{self.own}/r"}) + "\n"
        self.serve(row * 60_000, Content_Type="application/x-ndjson")
        answer = ask(self.provider.ports["keep"], "/")
        self.assertEqual(answer.headers["transfer-encoding"], "chunked")
        self.assertEqual(answer.body.decode(), row.replace(self.own, ROUTE) * 60_000)

    # Configuration

    def test_a_key_that_is_none(self):
        folder = temporary_folder("sluice-card-")
        config = {"version": 1, "policy": "policy.yaml", "listeners": [
            side("a", 0, "http://up.test", [], [(self.own, ROUTE)], card_key="gone.key")]}
        (folder / "policy.yaml").write_text(json.dumps({"version": 1, "egress": []}))
        (folder / "sluice.yaml").write_text(json.dumps(config))
        for text in (None, "no key"):
            if text:
                (folder / "gone.key").write_text(text)
                (folder / "gone.key").chmod(0o600)
            checked = run_cli("check", folder / "sluice.yaml")
            self.assertEqual(checked.returncode, 2)
            self.assertIn("/listeners/0/urls/card_key", checked.stdout + checked.stderr)
            started = run_cli("run", "-c", folder / "sluice.yaml")
            self.assertEqual(started.returncode, 2)
            self.assertIn("gone.key", started.stdout + started.stderr)


if __name__ == "__main__":
    main()
