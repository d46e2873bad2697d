"""Node's `ws` as client and as server, with and without compression. Skipped, saying so, where npm
cannot install it."""

import asyncio
import json
import os
import subprocess
import unittest

import websockets

from certificates import test_ca
from sluice_test import UP, Sluice, SluiceTestCase, main
from test_node_client import MODULES, install
from test_websocket import MASKED, TOKEN
from websocket_peers import Loop, WebSocketUpstream, tunnel

CLIENT = """
import { createRequire } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';
const require = createRequire(process.argv[2] + '/');
const WebSocket = require('ws');
const [url, proxyPort, deflate, messages] = process.argv.slice(3);
const to = new URL(url);
function tunnelled() {
  return new Promise((done) => {
    const socket = net.connect(Number(proxyPort), '127.0.0.1', () =>
      socket.write(`CONNECT ${to.host} HTTP/1.1\\r\\nHost: ${to.host}\\r\\n\\r\\n`));
    socket.once('data', () => done(
      to.protocol === 'wss:' ? tls.connect({ socket, servername: to.hostname }) : socket));
  });
}
const options = { perMessageDeflate: deflate === 'yes' };
if (proxyPort !== '0') { const socket = await tunnelled(); options.createConnection = () => socket; }
const peer = new WebSocket(url, options);
const got = [], all = JSON.parse(messages);
peer.on('error', (error) => { console.error(error); process.exit(1); });
peer.on('open', () => peer.send(all[0]));
peer.on('message', (data) => {
  got.push(data.toString());
  if (got.length < all.length) peer.send(all[got.length]); else peer.close(3000, 'done');
});
peer.on('close', (code) => console.log(JSON.stringify({ got, code, extensions: peer.extensions })));
"""
SERVER = """
import { createRequire } from 'node:module';
const require = createRequire(process.argv[2] + '/');
const { WebSocketServer } = require('ws');
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: { threshold: 0 } });
server.on('listening', () => console.log(server.address().port));
server.on('connection', (peer) => peer.on('message', (data, binary) => {
  console.log(JSON.stringify(data.toString()));
  peer.send(data, { binary });
}));
"""


class NodeWebSocket(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        missing = install("ws", "8.18.0")
        if missing:
            raise unittest.SkipTest(missing)

    def test_client(self):
        trust = {"ca_dir": "ca", "upstream_roots": "none", "extra_roots": [str(test_ca().certificate)]}
        sent = ["hello", f"key {TOKEN}", "word " * 20_000]
        for tls, deflate in ((None, "no"), (None, "yes"), (test_ca().server_context(UP), "yes")):
            with WebSocketUpstream(tls) as upstream, \
                    Sluice(config={"tls": trust}, upstream=f"{'https' if tls else 'http'}://{UP}:{upstream.port}") as sluice:
                script = sluice.folder / "client.mjs"
                script.write_text(CLIENT)
                direct = f"{'wss' if tls else 'ws'}://{UP}:{upstream.port}/echo"
                for url, port in ((direct, sluice.port), (sluice.reverse_url.replace("http", "ws") + "/echo", 0)):
                    with self.subTest(url=url, deflate=deflate):
                        upstream.got.clear()
                        done = subprocess.run(["node", script, MODULES, url, str(port), deflate, json.dumps(sent)],
                                              capture_output=True, text=True, timeout=60,
                                              env=dict(os.environ, NODE_EXTRA_CA_CERTS=str(sluice.ca_file)))
                        self.assertEqual(done.returncode, 0, done.stderr)
                        answer = json.loads(done.stdout)
                        self.assertEqual(answer["got"], ["hello", f"key {MASKED}", "word " * 20_000])
                        self.assertEqual((answer["code"], upstream.got), (3000, answer["got"]))
                        self.assertEqual("permessage-deflate" in answer["extensions"], deflate == "yes")

    def test_server(self):
        with Loop() as loop, Sluice() as sluice:
            script = sluice.folder / "server.mjs"
            script.write_text(SERVER)
            process = subprocess.Popen(["node", script, MODULES], stdout=subprocess.PIPE, text=True)
            try:
                port = int(process.stdout.readline())

                async def talk():
                    async with websockets.connect(f"ws://{UP}:{port}/", sock=tunnel(sluice.port, UP, port)) as peer:
                        out = []
                        for one in ("hello", f"key {TOKEN}", f"key {TOKEN}"):
                            await peer.send(one)
                            out.append(await asyncio.wait_for(peer.recv(), 20))
                        return out, [one.name for one in peer.extensions]
                got, extensions = loop.run(talk())
                self.assertEqual(got, ["hello", f"key {MASKED}", f"key {MASKED}"])
                self.assertEqual(extensions, ["permessage-deflate"])
                self.assertEqual([json.loads(process.stdout.readline()) for _ in got], got)
            finally:
                process.kill()
                process.wait()
                process.stdout.close()


if __name__ == "__main__":
    main()
