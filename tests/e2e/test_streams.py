"""A secret that a model streams a few characters at a time does not arrive, in any protocol and under
any coding; what is not secret arrives as it was, and when it was sent."""

import gzip
import json
import time
import zlib

from servers import HttpUpstream, Response, echo
from sluice_test import UP, Sluice, SluiceTestCase, main

KEY = "AKIA" + "2OGYBAH6SLUICEQS"
KNOWN = "correct-horse-battery-staple"
TEXT = f"The key is \"{KEY}\",\nand the pass {KNOWN}. That is all: cor"
MASKED = "The key is \"AKIA[REDACTED:aws-access-key-id]\",\nand the pass [REDACTED:secret:pass]. That is all: cor"


def pieces(text, size=3):
    return [text[at:at + size] for at in range(0, len(text), size)]


def event(document, name=None):
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(document).encode() + b"\n\n"


def openai(text, size=3):
    def chunk(delta, reason=None):
        return event({"id": "chatcmpl-1", "object": "chat.completion.chunk",
                      "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
    return ([chunk({"role": "assistant", "content": ""})] + [chunk({"content": one}) for one in pieces(text, size)]
            + [chunk({}, "stop"), b"data: [DONE]\n\n"])


def anthropic(text, size=3):
    def delta(one):
        return event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": one}},
                     "content_block_delta")
    return ([event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                   "content_block_start")] + [delta(one) for one in pieces(text, size)]
            + [event({"type": "content_block_stop", "index": 0}, "content_block_stop"),
               event({"type": "message_stop"}, "message_stop")])


def documents(body):
    return [json.loads(line[6:]) for line in body.decode().split("\n")
            if line.startswith("data: ") and line != "data: [DONE]"]


def said(body):
    """What a client of either vendor makes of the events."""
    text = ""
    for document in documents(body):
        if "choices" in document:
            text += document["choices"][0]["delta"].get("content", "")
        text += document.get("delta", {}).get("text", "")
    return text


class Streams(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(HttpUpstream(echo))
        cls.sluice = cls.enterClassContext(Sluice(
            config={"secrets": [{"id": "pass", "value": {"env": "E2E_SECRET"}}]},
            environment={"E2E_SECRET": KNOWN}))

    @classmethod
    def tearDownClass(cls):
        written = cls.sluice.everything_written()
        assert KEY.encode() not in written and KNOWN.encode() not in written

    def setUp(self):
        self.upstream.requests.clear()
        self.url = f"http://{UP}:{self.upstream.port}/"

    def stream(self, chunks, pause=0.0, **headers):
        named = {"Content-Type": "text/event-stream; charset=utf-8"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.upstream.respond_with(lambda request: Response(200, headers=named, chunks=chunks, pause=pause))

    def test_secret_over_many_events(self):
        for vendor in (openai, anthropic):
            for size in (1, 3, 7):
                with self.subTest(vendor=vendor.__name__, size=size):
                    events = vendor(TEXT, size)
                    self.stream(events)
                    answer = self.sluice.get(self.url)
                    self.assertEqual(said(answer.body), MASKED)
                    sent = b"".join(events)
                    self.assertEqual(said(sent), TEXT)
                    # All events are there, and at most one more, before the end of the text.
                    self.assertLessEqual(answer.body.count(b"\n\n") - sent.count(b"\n\n"), 1)
                    self.assertTrue(answer.body.endswith(events[-2] + events[-1]))

    def test_packets_do_not_matter(self):
        body = b"".join(openai(TEXT))
        for size in (1, 50, 700):
            with self.subTest(size=size):
                self.stream([body[at:at + size] for at in range(0, len(body), size)])
                self.assertEqual(said(self.sluice.get(self.url).body), MASKED)

    def test_gzip(self):
        packer = zlib.compressobj(wbits=31)
        packed = [packer.compress(one) + packer.flush(zlib.Z_SYNC_FLUSH) for one in anthropic(TEXT)]
        self.stream(packed + [packer.flush()], Content_Encoding="gzip")
        answer = self.sluice.get(self.url, headers={"Accept-Encoding": "gzip"})
        self.assertEqual(said(gzip.decompress(answer.body)), MASKED)

    def test_findings_are_on_record(self):
        self.stream(openai(TEXT))
        self.sluice.get(self.url)
        decision = self.sluice.records("egress_allowed")[-1]["payload"]
        outcome = self.sluice.wait_for_record("egress_outcome", call_id=decision["call_id"])["payload"]
        found = {(one["location"], one["rule"]) for one in outcome["findings"]}
        self.assertLessEqual({("body", "aws-access-key-id"), ("body", "secret:pass")}, found)

    def test_clean_events_are_as_they_were_and_in_time(self):
        events = openai("Hi, all is well.", 4)
        self.stream(events, pause=0.25)
        connection = self.sluice.connection()
        connection.request("GET", self.url)
        answer = connection.getresponse()
        started, arrived = time.monotonic(), []
        for one in events:
            self.assertEqual(answer.read(len(one)), one)
            arrived.append(time.monotonic() - started)
        connection.close()
        spread = [later - earlier for earlier, later in zip(arrived, arrived[1:])]
        self.assertGreater(min(spread), 0.1, "events came together")

    def test_lines_of_json(self):
        lines = [json.dumps({"message": {"role": "assistant", "content": one}, "done": False}).encode() + b"\n"
                 for one in pieces(TEXT)] + [b'{"message":{"content":""},"done":true}\n']
        self.stream(lines, Content_Type="application/x-ndjson")
        body = self.sluice.get(self.url).body
        self.assertEqual("".join(json.loads(line)["message"]["content"] for line in body.splitlines()), MASKED)

    def test_request_of_lines(self):
        body = b"".join(json.dumps({"delta": one}).encode() + b"\n" for one in pieces(TEXT))
        self.upstream.respond_with(echo)
        self.sluice.get(self.url, "POST", body, {"Content-Type": "application/x-ndjson"})
        got = self.upstream.requests[-1]
        self.assertEqual("".join(json.loads(line)["delta"] for line in got.body.splitlines()), MASKED)
        self.assertEqual(int(got.header("content-length")), len(got.body))


if __name__ == "__main__":
    main()
