"""Node's fetch through undici's ProxyAgent, forward and reverse. Skipped, saying so, where npm
cannot install undici."""

import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from certificates import test_ca
from servers import HttpUpstream, echo
from sluice_test import UP, Sluice, SluiceTestCase, main

MODULES = Path(__file__).resolve().parents[2] / "build" / "npm"
SCRIPT = """
import { createRequire } from 'node:module';
const require = createRequire(process.argv[2] + '/');
const { fetch, ProxyAgent } = require('undici');
const [url, proxy, body] = process.argv.slice(3);
const options = body ? { method: 'POST', body } : {};
if (proxy) options.dispatcher = new ProxyAgent({ uri: proxy });
const answer = await fetch(url, options);
console.log(JSON.stringify({ status: answer.status, text: await answer.text() }));
"""


def install(name, version):
    """Of a package: None, or why not."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "node or npm is not installed"
    if not (MODULES / "node_modules" / name).exists():
        MODULES.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(["npm", "install", "--prefix", MODULES, "--no-audit", "--no-fund", f"{name}@{version}"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90)
        except subprocess.TimeoutExpired:
            return "npm did not answer in 90 s"
        if done.returncode:
            return f"npm cannot install {name}: {done.stderr.strip()[-200:]}"
    return None


class NodeClient(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        missing = install("undici", 6)
        if missing:
            raise unittest.SkipTest(missing)

    def fetch(self, sluice, url, proxy="", body=""):
        script = sluice.folder / "fetch.mjs"
        script.write_text(SCRIPT)
        done = subprocess.run(["node", script, MODULES, url, proxy, body], capture_output=True, text=True,
                              timeout=60, env=dict(os.environ, NODE_EXTRA_CA_CERTS=str(sluice.ca_file)))
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_forward_and_reverse(self):
        trust = {"ca_dir": "ca", "upstream_roots": "none", "extra_roots": [str(test_ca().certificate)]}
        for scheme, tls in (("http", None), ("https", test_ca().server_context(UP))):
            with HttpUpstream(echo, tls=tls) as upstream:
                address = f"{scheme}://{UP}:{upstream.port}"
                with Sluice(config={"tls": trust}, upstream=address) as sluice:
                    for url, proxy in ((address, sluice.proxy_url), (sluice.reverse_url, "")):
                        with self.subTest(scheme=scheme, proxy=bool(proxy)):
                            answer = self.fetch(sluice, url + "/a?b=c", proxy, "some text")
                            self.assertEqual(answer["status"], 200)
                            seen = json.loads(answer["text"])
                            self.assertEqual((seen["method"], seen["path"], seen["body"]),
                                             ("POST", "/a?b=c", "some text"))

    def test_refusal_is_readable(self):
        with Sluice() as sluice:
            # undici tunnels plain HTTP through CONNECT too, and throws what it was answered.
            with self.assertRaisesRegex(AssertionError, r"\(403\)"):
                self.fetch(sluice, "http://unknown.test/", sluice.proxy_url)


if __name__ == "__main__":
    main()
