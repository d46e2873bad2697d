"""The action tokenize in real calls: a host sees the token, one that a rule lets see the secret has it
back, an answer has it back where its rule says so; and a token is worth nothing in another run."""

import asyncio
import json
import re

import websockets

from servers import HttpUpstream, Response, echo
from sluice_test import LOOPBACK, SLOW, UP, Sluice, SluiceTestCase, main
from websocket_peers import Loop, WebSocketUpstream, tunnel

TOKEN = re.compile(r"sl_[a-z0-9-]{1,64}_[0-9a-z]{16}")
SECRET = 'EMP-123456'
NOTE = "<<say hi\n& go>>"
TOOL, MODEL = "tool.test", "model.test"  # where requests, and where answers, have secrets back


def deltas(text, size=7):
    parts = [text[at:at + size] for at in range(0, len(text), size)]
    events = [json.dumps({"choices": [{"index": 0, "delta": {"content": part}}]}) for part in parts]
    return [f"data: {one}\n\n".encode() for one in events + ["[DONE]"]]


def said(stream):
    events = [line[6:] for line in stream.decode().split("\n") if line.startswith("data: {")]
    return "".join(json.loads(one)["choices"][0]["delta"]["content"] for one in events)


class Tokens(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(HttpUpstream(echo))
        cls.sluice = cls.enterClassContext(cls.another_run())

    @staticmethod
    def another_run():
        return Sluice(config={"resolve": {name: [LOOPBACK] for name in (UP, TOOL, MODEL)}},
                      policy_text=json.dumps({
                          "version": 1,
                          "redaction": {"rules": [
                              {"id": "employee", "pattern": r"EMP-\d{6}", "action": "tokenize"},
                              {"id": "note", "pattern": "<<[^>]{1,60}>>", "action": "tokenize"}]},
                          "egress": [{"allow": {"hosts": [UP]}, "private": True},
                                     {"allow": {"hosts": [TOOL]}, "private": True, "restore": ["request"]},
                                     {"allow": {"hosts": [MODEL]}, "private": True, "restore": ["response"]}]}))

    def setUp(self):
        self.upstream.requests.clear()
        self.upstream.respond_with(echo)

    def url(self, host):
        return f"http://{host}:{self.upstream.port}/"

    def token_of(self, secret):
        self.sluice.get(self.url(UP), "POST", secret, headers={"Content-Type": "text/plain"})
        token = self.upstream.requests.pop().body.decode()
        self.assertTrue(TOKEN.fullmatch(token), token)
        return token

    def post(self, host, document, sluice=None):
        return (sluice or self.sluice).get(self.url(host), "POST", json.dumps(document),
                                           headers={"Content-Type": "application/json"})

    def test_a_host_without_leave_sees_the_token(self):
        token = self.token_of(SECRET)
        self.assertTrue(token.startswith("sl_employee_"))
        for text in (SECRET, token):
            self.upstream.requests.clear()
            answer = self.sluice.get(self.url(UP) + "?q=" + text, "POST", text, headers={"X-Note": text})
            seen = self.upstream.requests[0]
            self.assertEqual(seen.body.decode(), token)
            self.assertEqual(seen.path, "/?q=" + token)
            self.assertEqual(seen.header("X-Note"), token)
            self.assertNotIn(SECRET, answer.body.decode())

    def test_a_host_with_leave_has_the_secret_back(self):
        token, note = self.token_of(SECRET), self.token_of(NOTE)
        answer = self.sluice.get(self.url(TOOL) + f"{token}?q={note}", "POST",
                                 json.dumps({"id": token, "note": note}),
                                 headers={"X-Note": token, "Content-Type": "application/json"})
        seen = self.upstream.requests[0]
        self.assertEqual(json.loads(seen.body), {"id": SECRET, "note": NOTE})
        self.assertEqual(seen.header("X-Note"), SECRET)
        self.assertEqual(seen.header("Content-Length"), str(len(seen.body)))
        self.assertEqual(seen.path, f"/{token}?q=%3C%3Csay%20hi%0A%26%20go%3E%3E")
        # It answers with what it got, and the agent sees the same tokens again.
        echoed = json.loads(answer.body)
        self.assertEqual(dict(echoed["headers"])["X-Note"], token)
        self.assertNotIn(SECRET, answer.body.decode())
        self.assertNotIn("say", json.loads(echoed["body"])["note"])

    def test_an_answer_has_the_secret_back(self):
        token = self.token_of(SECRET)
        answer = self.post(MODEL, {"ask": SECRET})
        self.assertEqual(json.loads(self.upstream.requests[0].body), {"ask": token})
        self.assertIn(SECRET, answer.body.decode())
        self.assertNotIn(token, answer.body.decode())

    def test_a_token_that_another_host_echoes_stays(self):
        token = self.token_of(SECRET)
        self.upstream.respond_with(lambda _: Response(200, f"x {token} y".encode(), {"X-Back": token}))
        for host in (UP, TOOL):
            answer = self.sluice.get(self.url(host))
            self.assertEqual(answer.body.decode(), f"x {token} y")
            self.assertEqual(answer.headers["x-back"], token)

    def test_the_deltas_of_a_model(self):
        token, note = self.token_of(SECRET), self.token_of(NOTE)
        events = deltas(f"tell {token}: {note}. Done")
        self.upstream.respond_with(lambda _: Response(200, chunks=events, pause=0.02,
                                                      headers={"Content-Type": "text/event-stream"}))
        self.assertEqual(said(self.sluice.get(self.url(MODEL)).body), f"tell {SECRET}: {NOTE}. Done")
        self.assertEqual(said(self.sluice.get(self.url(UP)).body), f"tell {token}: {note}. Done")
        fresh = deltas(f"tell {SECRET}: {NOTE}. Done")
        self.upstream.respond_with(lambda _: Response(200, chunks=fresh,
                                                      headers={"Content-Type": "text/event-stream"}))
        self.assertEqual(said(self.sluice.get(self.url(UP)).body), f"tell {token}: {note}. Done")

    def talk(self, host, path, *messages):
        """What the server got, and what came back of it."""
        with Loop() as loop, WebSocketUpstream() as upstream:
            upstream.says = messages if path == "/say" else []

            async def exchange():
                out = []
                async with websockets.connect(f"ws://{host}:{upstream.port}{path}",
                                              sock=tunnel(self.sluice.port, host, upstream.port)) as peer:
                    for one in messages:
                        if path == "/echo":
                            await peer.send(one)
                        out.append(await asyncio.wait_for(peer.recv(), 20 * SLOW))
                return out
            got = loop.run(exchange())
            return upstream.got, got

    def test_messages_of_a_websocket(self):
        token, note = self.token_of(SECRET), self.token_of(NOTE)
        said = json.dumps({"id": SECRET, "note": NOTE})
        tokens = json.dumps({"id": token, "note": note})
        for message in (said, tokens):
            self.assertEqual(self.talk(UP, "/echo", message), ([tokens], [tokens]))
            self.assertEqual(self.talk(TOOL, "/echo", message), ([said], [tokens]))
            self.assertEqual(self.talk(MODEL, "/echo", message), ([tokens], [said]))
        self.assertEqual(self.talk(TOOL, "/echo", f"a {token}"), ([f"a {SECRET}"], [f"a {token}"]))
        # The pieces of a text, each a message.
        parts = [json.dumps({"type": "response.text.delta", "item_id": "i", "delta": part})
                 for part in (f"tell {token[:9]}", f"{token[9:]}: {note[:20]}", note[20:] + " Done")]
        for host, wanted in ((MODEL, f"tell {SECRET}: {NOTE} Done"), (UP, f"tell {token}: {note} Done")):
            _, got = self.talk(host, "/say", *parts)
            self.assertEqual("".join(json.loads(one)["delta"] for one in got), wanted)

    def test_parts_of_a_form(self):
        token = self.token_of(SECRET)
        form = '--b\r\nContent-Disposition: form-data; name="id"\r\n\r\n{}\r\n--b--\r\n'
        for host, text, wanted in ((TOOL, token, SECRET), (TOOL, SECRET, SECRET), (UP, SECRET, token), (UP, token, token)):
            self.sluice.get(self.url(host), "POST", form.format(text),
                            headers={"Content-Type": "multipart/form-data; boundary=b"})
            seen = self.upstream.requests.pop()
            self.assertEqual(seen.body.decode(), form.format(wanted))
            self.assertEqual(seen.header("Content-Length"), str(len(seen.body)))

    def test_the_record_says_so_and_holds_no_secret(self):
        token = self.token_of(SECRET)
        before = self.sluice.count_outcomes()
        self.post(TOOL, {"id": token})
        outcome = self.sluice.wait_for_record("egress_outcome", count=before + 1)["payload"]
        found = {(one["direction"], one["action"]): one for one in outcome["findings"]}
        self.assertEqual(found["request", "restore"]["rule"], "employee")
        self.assertEqual(found["request", "restore"]["fingerprint"],
                         found["response", "tokenize"]["fingerprint"])
        self.assertNotIn(SECRET.encode(), self.sluice.everything_written())

    def test_a_token_of_another_run_stays(self):
        token = self.token_of(SECRET)
        with self.another_run() as other:
            self.post(TOOL, {"id": token}, other)
            self.assertEqual(json.loads(self.upstream.requests.pop().body), {"id": token})
            self.post(UP, {"id": SECRET}, other)
            renewed = json.loads(self.upstream.requests.pop().body)["id"]
        self.assertTrue(TOKEN.fullmatch(renewed))
        self.assertNotEqual(renewed, token)


if __name__ == "__main__":
    main()
