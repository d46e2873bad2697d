"""Chains of agents: one tree through the records of several sidecars, whatever the programs say of it,
and an end for those that call each other in a circle."""

import asyncio
import http.client
import json
import socket
import threading

import websockets

from mesh_support import MeshCa, entry, sidecar, slot, spiffe
from servers import HttpUpstream, Response, echo, free_port
from sluice_test import LOOPBACK, SLOW, SluiceTestCase, allow, main, policy, read_answer
from websocket_peers import Loop, WebSocketUpstream

CALL, HOPS = "x-sluice-call", "x-sluice-hops"
FORGED = "01HZZZZZZZZZZZZZZZZZZZZZZZ"


def ask(port, path="/", headers=None):
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30 * SLOW)
    try:
        connection.request("GET", path, headers=headers or {})
        return read_answer(connection.getresponse())
    finally:
        connection.close()


class Program(HttpUpstream):
    """An agent that answers by calling `next_port`, and gives back what came."""

    def __init__(self, passes_on=True):
        super().__init__(self.answer)
        self.passes_on, self.next_port = passes_on, None

    def answer(self, request):
        if self.next_port is None:
            return echo(request)
        named = {CALL: request.header(CALL)} if self.passes_on and request.header(CALL) else {}
        answer = ask(self.next_port, request.path, named)
        return Response(status=answer.status, body=answer.body, headers={"Content-Type": "application/json"})


def decision(sluice, listener, **more):
    return sluice.wait_for_record("egress_allowed", listener=listener, **more)["payload"]


class ChainCase(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ca = MeshCa()


class Trees(ChainCase):
    """asker -> a's slot -> b -> program of b -> b's slot -> c -> program of c."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        enter = cls.enterClassContext
        cls.last, cls.middle = enter(Program()), enter(Program())
        cls.plain = enter(HttpUpstream(echo))
        cls.c = enter(sidecar(cls.ca.identity("c"), entry("in", cls.last.port, "b")))
        outside = {"name": "outside", "kind": "reverse", "bind": f"{LOOPBACK}:0",
                   "upstream": f"http://other.test:{cls.plain.port}"}
        cls.b = enter(sidecar(cls.ca.identity("b"), entry("in", cls.middle.port, "a"),
                              slot("out", cls.c.ports["in"], "c"), outside,
                              {"name": "offered", "kind": "reverse", "bind": f"{LOOPBACK}:0", "outside": True,
                               "upstream": f"http://up.test:{cls.middle.port}"}))
        cls.a = enter(sidecar(cls.ca.identity("a"), slot("out", cls.b.ports["in"], "b")))

    def setUp(self):
        self.middle.next_port, self.middle.passes_on = self.b.ports["out"], True

    # It begins a tree, whatever else goes on and whatever it says.
    def test_a_call_from_outside_has_no_parent_and_is_one(self):
        held = []

        def answer(request):
            if request.path == "/long":
                held.append(ask(self.b.ports["offered"], "/root", {CALL: decision(self.b, "in", path="/long")["call_id"]}))
            return Program.answer(self.middle, request)
        self.middle.respond_with(answer)
        try:
            self.assertEqual(ask(self.a.port, "/long").status, 200)
        finally:
            self.middle.respond_with(self.middle.answer)
        root = decision(self.b, "offered", path="/root")
        self.assertNotIn("parent_call_id", root)
        self.assertNotIn("hops", root)
        below = decision(self.b, "out", path="/root")
        self.assertEqual((below["parent_call_id"], below["hops"]), (root["call_id"], 1))

    def test_one_tree_in_three_logs(self):
        answer = ask(self.a.port, "/tree")
        self.assertEqual(answer.status, 200, answer.body)
        a, b_in = decision(self.a, "out", path="/tree"), decision(self.b, "in", path="/tree")
        b_out, c = decision(self.b, "out", path="/tree"), decision(self.c, "in", path="/tree")
        self.assertNotIn("parent_call_id", a)
        self.assertNotIn("hops", a)
        self.assertEqual((b_in["parent_call_id"], b_in["hops"], b_in["peer"]), (a["call_id"], 0, spiffe("a")))
        self.assertEqual((b_out["parent_call_id"], b_out["hops"], b_out["upstream_peer"]),
                         (b_in["call_id"], 1, spiffe("c")))
        self.assertEqual((c["parent_call_id"], c["hops"], c["peer"]), (b_out["call_id"], 1, spiffe("b")))
        fields = {name.lower(): value for name, value in json.loads(answer.body)["headers"]}
        self.assertEqual(fields[CALL], c["call_id"])  # the last program is told its own
        self.assertNotIn(HOPS, fields)

    def test_the_only_open_call_is_the_parent_of_a_program_that_says_nothing(self):
        self.middle.passes_on = False
        ask(self.a.port, "/silent")
        b_in, b_out = decision(self.b, "in", path="/silent"), decision(self.b, "out", path="/silent")
        self.assertEqual((b_out["parent_call_id"], b_out["hops"]), (b_in["call_id"], 1))

    def test_nothing_is_guessed_among_several(self):
        """Two calls wait in the program of b; then it calls for one of them."""
        arrived, go_on, ids = threading.Semaphore(0), threading.Event(), {}

        def answer(request):
            if request.path.startswith("/wait"):
                ids[request.path] = request.header(CALL)
                arrived.release()
                go_on.wait(20)
            return Response()

        self.middle.respond_with(answer)
        try:
            waiting = [threading.Thread(target=ask, args=(self.a.port, f"/wait{i}")) for i in (1, 2)]
            for one in waiting:
                one.start()
            for _ in waiting:
                self.assertTrue(arrived.acquire(timeout=20))
            ask(self.b.ports["out"], "/named", {CALL: ids["/wait2"]})
            ask(self.b.ports["out"], "/unnamed")
            ask(self.b.ports["out"], "/forged", {CALL: FORGED})
            ask(self.b.ports["out"], "/twice", {CALL: ids["/wait1"], "X-Sluice_Call": ids["/wait2"]})
        finally:
            go_on.set()
            for one in waiting:
                one.join()
            self.middle.respond_with(self.middle.answer)
        self.assertEqual(decision(self.b, "out", path="/named")["parent_call_id"], ids["/wait2"])
        self.assertEqual(decision(self.b, "out", path="/twice")["parent_call_id"], ids["/wait1"])
        for path in ("/unnamed", "/forged"):
            record = decision(self.b, "out", path=path)
            self.assertNotIn("parent_call_id", record)
            self.assertEqual(record["hops"], 1)
        ask(self.b.ports["out"], "/later", {CALL: ids["/wait1"]})  # it has ended
        self.assertNotIn("parent_call_id", decision(self.b, "out", path="/later"))

    def test_what_an_agent_forges_goes_nowhere(self):
        forged = {CALL: FORGED, HOPS: "7", "X_Sluice_Call": FORGED, "x_sluice-hops": "7"}
        self.middle.next_port = None
        answer = ask(self.a.port, "/forged-at-a", forged)
        fields = {name.lower(): value for name, value in json.loads(answer.body)["headers"]}
        came = decision(self.b, "in", path="/forged-at-a")
        self.assertEqual((came["parent_call_id"], came["hops"]),
                         (decision(self.a, "out", path="/forged-at-a")["call_id"], 0))
        self.assertEqual(fields[CALL], came["call_id"])
        self.assertEqual([name for name in fields if "hops" in name or "_" in name], [])
        answer = ask(self.b.ports["outside"], "/forged-outside", forged)
        self.assertNotIn("sluice", answer.body.decode().lower())
        self.assertNotIn("parent_call_id", decision(self.b, "outside", path="/forged-outside"))

    def test_the_outside_is_told_nothing_but_it_is_in_the_tree(self):
        self.middle.next_port = self.b.ports["outside"]
        answer = ask(self.a.port, "/outside")
        self.assertNotIn("sluice", answer.body.decode().lower())
        record = decision(self.b, "outside", path="/outside")
        self.assertEqual(record["parent_call_id"], decision(self.b, "in", path="/outside")["call_id"])
        self.assertEqual(record["hops"], 1)


class Circles(ChainCase):
    def run_circle(self, passes_on, limit=4):
        here, there = free_port(), free_port()
        with Program(passes_on) as one, Program(passes_on) as other:
            limits = {"hops": limit}
            a = sidecar(self.ca.identity("a"), slot("out", there, "b"),
                        entry("in", one.port, "b", bind=here), limits=limits)
            b = sidecar(self.ca.identity("b"), slot("out", here, "a"),
                        entry("in", other.port, "a", bind=there), limits=limits)
            with a, b:
                one.next_port, other.next_port = a.ports["out"], b.ports["out"]
                answer = ask(a.ports["out"], "/round")
                self.assertEqual(answer.status, 508, answer.body)
                self.assertEqual(json.loads(answer.body)["reason_code"], "hop_limit_reached")
                refused = [r["payload"] for s in (a, b) for r in s.records("policy_denied")]
                self.assertEqual(len(refused), 1)
                self.assertEqual((refused[0]["hops"], refused[0]["rule_id"]), (limit + 1, "limit.hops"))
                self.assertEqual(len(one.requests) + len(other.requests), limit + 1)
                calls = [r["payload"] for s in (a, b) for r in s.records("egress_allowed")] + refused
                return calls

    def test_a_circle_of_programs_that_pass_the_call_on_is_a_line_in_the_records(self):
        calls = self.run_circle(passes_on=True)
        parents = [one.get("parent_call_id") for one in calls]
        self.assertEqual(parents.count(None), 1)
        self.assertEqual(len(set(parents)), len(parents))  # each has one child
        self.assertLessEqual(set(parents) - {None}, {one["call_id"] for one in calls})

    def test_a_circle_of_programs_that_say_nothing_ends_too(self):
        self.run_circle(passes_on=False)

    def test_a_circle_of_sidecars_without_a_program(self):
        here, there = free_port(), free_port()

        def one(name, other, at, to):
            through = slot("through", to, other) | {"peers": [spiffe(other), spiffe("asker")],
                                                    "bind": f"{LOOPBACK}:{at}"}
            return sidecar(self.ca.identity(name), through, limits={"hops": 6})

        with one("a", "b", here, there) as a, one("b", "a", there, here) as b, \
                sidecar(self.ca.identity("asker"), slot("out", here, "a")) as asker:
            answer = ask(asker.port)
            self.assertEqual(answer.status, 508, answer.body)
            refused = [r["payload"] for s in (a, b) for r in s.records("policy_denied")]
            self.assertEqual([r["reason_code"] for r in refused], ["hop_limit_reached"])
            self.assertEqual(refused[0]["hops"], 7)


class OtherProtocols(ChainCase):
    def test_raw_tcp_has_the_only_open_call_for_its_parent(self):
        with socket.create_server((LOOPBACK, 0)) as database:
            db = {"name": "db", "kind": "tcp", "bind": f"{LOOPBACK}:0",
                  "upstream": f"db.test:{database.getsockname()[1]}"}

            def answer(request):
                with socket.create_connection((LOOPBACK, b.ports["db"]), 20 * SLOW) as peer:
                    peer.sendall(b"select 1")
                    connection, _ = database.accept()
                    with connection:
                        return Response(body=connection.recv(100))

            with HttpUpstream(answer) as program:
                b = sidecar(self.ca.identity("b"), entry("in", program.port, "a"), db)
                b.write_policy(policy([allow()], tcp=[{"name": "db", "allow": {"hosts": ["db.test"], "ports": ["1-65535"]},
                                                       "private": True}]))
                with b, sidecar(self.ca.identity("a"), slot("out", b.ports["in"], "b")) as a:
                    self.assertEqual(ask(a.port).body, b"select 1")
                    record = decision(b, "db")
                    self.assertEqual((record["parent_call_id"], record["hops"]), (decision(b, "in")["call_id"], 1))

    def test_a_websocket_is_a_call_of_the_chain(self):
        async def talk(port):
            async with websockets.connect(f"ws://{LOOPBACK}:{port}/echo", compression=None) as peer:
                await peer.send("hello")
                return await asyncio.wait_for(peer.recv(), 20 * SLOW)

        with Loop() as loop, WebSocketUpstream(compression=None) as program:
            with sidecar(self.ca.identity("b"), entry("in", program.port, "a")) as b, \
                    sidecar(self.ca.identity("a"), slot("out", b.port, "b")) as a:
                self.assertEqual(loop.run(talk(a.port)), "hello")
                out, came = decision(a, "out"), decision(b, "in")
                self.assertEqual((came["protocol"], came["parent_call_id"], came["hops"]),
                                 ("websocket", out["call_id"], 0))
                self.assertEqual(came["peer"], spiffe("a"))


if __name__ == "__main__":
    main()
