"""Thousands of idle connections at once: each is held, calls go on beside them, what they cost is
bounded, and when they go nothing is left behind. SLUICE_E2E_CONNECTIONS sets how many (4,000): the
hard limit for open files is what bounds it: both ends have a descriptor for each."""

import os
import resource
import socket
import time

from servers import HttpUpstream
from sluice_test import LOOPBACK, SANITIZED, SLOW, UP, Sluice, SluiceTestCase, main, wait_until

COUNT = int(os.environ.get("SLUICE_E2E_CONNECTIONS", "4000"))
IDLE_KIB = 12 if not SANITIZED else 200  # the goal for a release build; sanitizers pad everything


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Connections(SluiceTestCase):
    def test_many_idle_connections(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        count = min(COUNT, hard - 500)
        config = {"limits": {"connections": count + 100, "idle_timeout": "300s", "header_timeout": "300s"}}
        with HttpUpstream() as upstream, Sluice(config=config) as sluice:
            pid, url = sluice.process.pid, f"http://{UP}:{upstream.port}/"
            sluice.get(url)
            files, memory = open_files(pid), resident_kib(pid)
            peers = []
            try:
                for _ in range(count):
                    peers.append(socket.create_connection((LOOPBACK, sluice.port), 10 * SLOW))
                wait_until(lambda: open_files(pid) >= files + count - 5, 20, "all connections accepted")
                each = (resident_kib(pid) - memory) / count
                print(f"\n{count} idle connections, {each:.1f} KiB each")
                self.assertLess(each, IDLE_KIB)
                for _ in range(20):
                    started = time.monotonic()
                    self.assertEqual(sluice.get(url).status, 200)
                    self.assertLess(time.monotonic() - started, 2 * SLOW)
                request = f"GET {url} HTTP/1.1\r\nHost: {UP}:{upstream.port}\r\n\r\n".encode()
                for peer in peers[:: max(1, count // 200)]:  # an old connection is as good as a new one
                    peer.sendall(request)
                    self.assertTrue(peer.recv(4096).startswith(b"HTTP/1.1 200 "))
            finally:
                for peer in peers:
                    peer.close()
            wait_until(lambda: open_files(pid) < files + 100, 20, "descriptors given back")
            self.assertEqual(sluice.get(url).status, 200)

    def test_half_open_and_reset_peers_leave_nothing(self):
        with HttpUpstream() as upstream, Sluice(config={"limits": {"header_timeout": "1s", "idle_timeout": "1s"}}) as sluice:
            pid, url = sluice.process.pid, f"http://{UP}:{upstream.port}/"
            sluice.get(url)
            files = open_files(pid)
            head = f"POST {url} HTTP/1.1\r\nHost: {UP}:{upstream.port}\r\nContent-Length: 100\r\n\r\nabc".encode()
            for number in range(200):
                with socket.create_connection((LOOPBACK, sluice.port), 10) as peer:
                    peer.sendall(head[: number % len(head)])
                    if number % 2:
                        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wait_until(lambda: open_files(pid) <= files + 5, 20, "descriptors given back")
            self.assertEqual(sluice.get(url).status, 200)
            self.assertEqual([r for r in upstream.requests if r.method == "POST"], [])


if __name__ == "__main__":
    main()
