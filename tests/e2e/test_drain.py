"""SIGTERM: no new connections, calls that run are finished, idle ones are let go, the log is closed
properly, and all of it within the deadline."""

import socket
import threading
import time

from servers import HttpUpstream, Response
from sluice_test import LOOPBACK, SLOW, UP, Sluice, SluiceTestCase, main, wait_until


def slow_answer(seconds):
    return lambda request: Response(chunks=[b"one ", b"two ", b"three"], pause=seconds / 3)


class Drain(SluiceTestCase):
    def test_a_running_call_is_finished(self):
        with HttpUpstream(slow_answer(2)) as upstream, Sluice(config={"limits": {"drain": "10s"}}) as sluice:
            answers = []
            caller = threading.Thread(target=lambda: answers.append(sluice.get(f"http://{UP}:{upstream.port}/")))
            caller.start()
            wait_until(lambda: upstream.requests, what="the call at the upstream")
            started = time.monotonic()
            sluice.stop()
            caller.join(10)
            self.assertEqual((answers[0].status, answers[0].body), (200, b"one two three"))
            self.assertLess(time.monotonic() - started, 9)
            self.assertEqual(sluice.wait_for_record("egress_outcome")["payload"]["status"], "succeeded")
            with self.assertRaises(OSError):
                socket.create_connection((LOOPBACK, sluice.port), 1)
            sluice.stop = lambda: None

    def test_idle_connections_do_not_hold_it_up(self):
        with HttpUpstream() as upstream, Sluice(config={"limits": {"drain": "30s"}}) as sluice:
            connection = sluice.connection()
            connection.request("GET", f"http://{UP}:{upstream.port}/")
            connection.getresponse().read()
            silent = socket.create_connection((LOOPBACK, sluice.port), 5)
            started = time.monotonic()
            sluice.stop()
            self.assertLess(time.monotonic() - started, 3 * SLOW)
            connection.close()
            silent.close()
            sluice.stop = lambda: None

    def test_the_deadline_ends_what_does_not_end(self):
        with HttpUpstream(slow_answer(30)) as upstream, Sluice(config={"limits": {"drain": "1s"}}) as sluice:
            answers = []
            caller = threading.Thread(target=lambda: answers.append(
                sluice.get(f"http://{UP}:{upstream.port}/", timeout=40)))
            caller.start()
            wait_until(lambda: upstream.requests, what="the call at the upstream")
            started = time.monotonic()
            sluice.stop()
            self.assertLess(time.monotonic() - started, 8 * SLOW)
            caller.join(10)
            self.assertFalse(answers[0].complete, "a cut answer must look cut")
            self.assertTrue(sluice.records("egress_error"))
            sluice.stop = lambda: None

    def test_start_and_stop_are_on_record(self):
        with Sluice() as sluice:
            pass
        self.assertTrue(sluice.records("run_start"))
        types = [record["event_type"] for record in sluice.records()]
        self.assertEqual(types[-2:], ["run_complete", "log_checkpoint"])  # the last word is signed


if __name__ == "__main__":
    main()
