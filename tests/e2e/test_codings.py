"""Bodies in every content coding and in stacks of them: the peer can decode what arrives, no secret
is in it, and what cannot be decoded does not pass."""

import gzip
import quopri
import threading
import zlib

import brotli
import requests
import zstandard
from servers import HttpUpstream, Response, echo, when_told
from sluice_test import UP, Sluice, SluiceTestCase, main

KEY = "AKIA" + "2OGYBAH6SLUICEQS"
KNOWN = "correct-horse-battery-staple"
MASK = "[REDACTED:"
TEXT = f"before {KEY} between {KNOWN} after".encode()


def raw_deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def unzstd(data):
    return zstandard.ZstdDecompressor(max_window_size=8 << 20).decompressobj().decompress(data)


# Content-Encoding, pack, unpack: what an ordinary client does with that field.
CODINGS = (
    ("gzip", gzip.compress, gzip.decompress),
    ("x-gzip", gzip.compress, gzip.decompress),
    ("deflate", zlib.compress, zlib.decompress),
    ("Deflate", raw_deflate, lambda data: zlib.decompress(data, -15)),
    ("br", lambda data: brotli.compress(data, quality=5), brotli.decompress),
    ("zstd", lambda data: zstandard.ZstdCompressor().compress(data), unzstd),
    ("gzip, br", lambda data: brotli.compress(gzip.compress(data), quality=5),
     lambda data: gzip.decompress(brotli.decompress(data))),
    ("zstd,identity , GZIP", lambda data: gzip.compress(zstandard.ZstdCompressor().compress(data)),
     lambda data: unzstd(gzip.decompress(data))),
    ("identity", bytes, bytes),
)
CANONICAL = {"x-gzip": "gzip", "Deflate": "deflate", "zstd,identity , GZIP": "zstd, gzip", "identity": None}


class Codings(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.upstream = cls.enterClassContext(HttpUpstream(echo))
        cls.sluice = cls.enterClassContext(Sluice(
            config={"secrets": [{"id": "pass", "value": {"env": "E2E_SECRET"}}]},
            environment={"E2E_SECRET": KNOWN}))

    def setUp(self):
        self.upstream.requests.clear()
        self.upstream.respond_with(echo)
        self.url = f"http://{UP}:{self.upstream.port}/"

    def assert_clean(self, text):
        self.assertNotIn(KEY.encode(), text)
        self.assertNotIn(KNOWN.encode(), text)
        self.assertEqual(text.count(MASK.encode()), 2)
        self.assertTrue(text.startswith(b"before ") and text.endswith(b" after"), text)

    def answer_with(self, body=b"", chunks=None, status=200, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.upstream.respond_with(lambda request: Response(status, body, named, chunks, 0.01))

    def test_request(self):
        for coding, pack, unpack in CODINGS:
            with self.subTest(coding=coding):
                self.upstream.requests.clear()
                answer = self.sluice.get(self.url, "POST", pack(TEXT), {"Content-Encoding": coding, "Content-MD5": "x"})
                self.assertEqual(answer.status, 200)
                got = self.upstream.requests[0]
                self.assertEqual(got.header("content-encoding"), CANONICAL.get(coding, coding))
                self.assertEqual(int(got.header("content-length")), len(got.body))
                self.assertIsNone(got.header("content-md5"))
                self.assert_clean(unpack(got.body))

    def test_multipart_parts_with_encodings_of_their_own(self):
        packed = gzip.compress(TEXT)
        files = [("plain", ("a.txt", TEXT, "text/plain", {})),
                 ("packed", ("a.gz", packed, "text/plain", {"Content-Encoding": "gzip"})),
                 ("quoted", ("a.qp", quopri.encodestring(TEXT).replace(b"AKIA", b"=41KIA", 1), "text/plain",
                             {"Content-Transfer-Encoding": "quoted-printable"}))]
        request = requests.Request("POST", self.url, files=files).prepare()
        answer = self.sluice.get(self.url, "POST", request.body, {"Content-Type": request.headers["content-type"]})
        self.assertEqual(answer.status, 200)
        boundary = request.headers["content-type"].split("boundary=")[1].encode()
        parts = [part.split(b"\r\n\r\n", 1)[1][:-2] for part in self.upstream.requests[0].body.split(b"--" + boundary)[1:-1]]
        self.assertEqual(len(parts), 3)
        self.assert_clean(parts[0])
        self.assert_clean(gzip.decompress(parts[1]))
        self.assert_clean(quopri.decodestring(parts[2]))

    def test_multipart_part_that_cannot_be_read(self):
        for head in ("Content-Encoding: rot13", "Content-Transfer-Encoding: x-uuencode"):
            body = f"--b\r\n{head}\r\n\r\n{KEY}\r\n--b--".encode()
            answer = self.sluice.get(self.url, "POST", body, {"Content-Type": "multipart/form-data; boundary=b"})
            self.assert_problem(answer, 403, "guard.redaction", "content_undecodable")
        self.assertNotIn(KEY.encode(), b"".join(r.body for r in self.upstream.requests))

    def test_response(self):
        for coding, pack, unpack in CODINGS:
            packed = pack(TEXT)
            pieces = [packed[at:at + 5] for at in range(0, len(packed), 5)]
            for chunks in (None, pieces):
                with self.subTest(coding=coding, chunked=bool(chunks)):
                    self.answer_with(packed, chunks, Content_Encoding=coding)
                    answer = self.sluice.get(self.url, headers={"Accept-Encoding": coding})
                    self.assertEqual(answer.status, 200)
                    self.assertEqual(answer.headers["content-encoding"], CANONICAL.get(coding, coding))
                    if not chunks:
                        self.assertEqual(int(answer.headers["content-length"]), len(answer.body))
                    self.assert_clean(unpack(answer.body))

    def test_large_response(self):
        text = b"".join(b"%d " % (n * n) for n in range(400000)) + KEY.encode()
        self.assertGreater(len(text), 2 << 20)
        for coding, pack, unpack in CODINGS:
            with self.subTest(coding=coding):
                self.answer_with(pack(text), Content_Encoding=coding)
                got = unpack(self.sluice.get(self.url, timeout=30).body)
                self.assertEqual(got[: len(text) - len(KEY)], text[: -len(KEY)])
                self.assertTrue(got.endswith(b"]"), got[-50:])

    def test_fields_repeated(self):
        body = brotli.compress(gzip.compress(TEXT))
        raw, _ = self.sluice.send_raw(
            f"POST {self.url} HTTP/1.1\r\nHost: {UP}:{self.upstream.port}\r\nContent-Encoding: gzip\r\n"
            f"content-encoding: br\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        self.assertIn(b" 200 ", raw)
        got = self.upstream.requests[0]
        self.assertEqual(got.header("content-encoding"), "gzip, br")
        self.assert_clean(gzip.decompress(brotli.decompress(got.body)))

    def test_event_stream_is_not_delayed(self):
        for coding, packer, unpacker in (
                ("gzip", zlib.compressobj(wbits=31), zlib.decompressobj(wbits=31)),
                ("br", brotli.Compressor(), brotli.Decompressor()),
                ("zstd", zstandard.ZstdCompressor().compressobj(), zstandard.ZstdDecompressor().decompressobj())):
            with self.subTest(coding=coding):
                pack, unpack = getattr(packer, "compress", None) or packer.process, \
                    getattr(unpacker, "decompress", None) or unpacker.process
                def flushed(text):
                    if coding == "zstd":
                        return pack(text) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
                    return pack(text) + (packer.flush(zlib.Z_SYNC_FLUSH) if coding == "gzip" else packer.flush())
                events = [b"data: one\n\n", b"data: two\n\n"]
                first, second = [flushed(event) for event in events]
                second += packer.finish() if coding == "br" else packer.flush()
                got = threading.Event()
                self.upstream.respond_with(lambda r: Response(
                    200, headers={"Content-Type": "text/event-stream", "Content-Encoding": coding},
                    chunks=when_told(first, second, got)))
                connection = self.sluice.connection()
                connection.request("GET", self.url)
                answer = connection.getresponse()
                text = b""
                while text != events[0]:
                    text += unpack(answer.read1(100))
                got.set()
                self.assertEqual(unpack(answer.read()), events[1])
                connection.close()

    def test_request_that_cannot_be_decoded(self):
        packed = {coding: pack(TEXT) for coding, pack, _ in CODINGS}
        for coding, body in (("compress", b"x"), ("gzip, dcb", packed["gzip"]), ("gzip, gzip, gzip, gzip", b"x"),
                             ("br", packed["br"][:-4]), ("br", packed["br"] + b"more"), ("br", b"\xff" * 20),
                             ("zstd", packed["zstd"][:-4]), ("zstd", packed["zstd"] + b"more"),
                             ("zstd", bytes.fromhex("28b52ffd0070010000")), ("zstd", TEXT),
                             ("deflate", packed["deflate"] + b"more"), ("gzip, br", packed["br"]),
                             ("br", brotli.compress(bytes(20 << 20), quality=5)),
                             ("gzip", gzip.compress(bytes(20 << 20)))):
            with self.subTest(coding=coding, body=body[:10]):
                self.upstream.requests.clear()
                answer = self.sluice.get(self.url, "POST", body, {"Content-Encoding": coding})
                self.assert_problem(answer, 403, "guard.redaction", "content_undecodable")
                self.assertEqual(self.upstream.requests, [])

    def test_response_that_cannot_be_decoded(self):
        packed = {coding: pack(TEXT) for coding, pack, _ in CODINGS}
        for coding, body in (("dcz", b"x"), ("br", packed["br"][:-4]), ("zstd", packed["zstd"] + b"more"),
                             ("gzip, br", packed["gzip"]),
                             ("zstd", zstandard.ZstdCompressor().compress(bytes(20 << 20)))):
            with self.subTest(coding=coding, body=body[:10]):
                self.answer_with(body, Content_Encoding=coding)
                answer = self.sluice.get(self.url)
                self.assertTrue(answer.status == 502 or not answer.complete, (answer.status, answer.body))

    def test_only_what_can_be_decoded_is_offered(self):
        for accepts, offered in (("gzip, deflate, br, zstd, dcb, dcz", "gzip, deflate, br, zstd"),
                                 ("compress;q=1, zstd;q=0.3", "zstd;q=0.3"), ("*", "gzip"), (None, "identity"),
                                 ("dcb", "identity")):
            with self.subTest(accepts=accepts):
                self.upstream.requests.clear()
                connection = self.sluice.connection()
                connection.putrequest("GET", self.url, skip_accept_encoding=True)
                if accepts:
                    connection.putheader("Accept-Encoding", accepts)
                connection.endheaders()
                connection.getresponse().read()
                connection.close()
                self.assertEqual(self.upstream.requests[0].header("accept-encoding"), offered)

    def test_ranges_are_not_asked_for(self):
        whole = TEXT
        def ranged(request):
            if request.header("range"):
                return Response(206, whole[10:20], {"Content-Range": f"bytes 10-19/{len(whole)}"})
            return Response(200, whole, {"Accept-Ranges": "bytes", "ETag": '"v1"', "Content-Digest": "sha-256=:x:"})
        self.upstream.respond_with(ranged)
        answer = self.sluice.get(self.url, headers={"Range": "bytes=10-19", "If-Range": '"v1"'})
        self.assertEqual(answer.status, 200)  # RFC 9110 §14.2: a server may answer with all of it
        self.assert_clean(answer.body)
        self.assertIsNone(self.upstream.requests[0].header("if-range"))
        self.assertIsNone(answer.headers["accept-ranges"])
        self.assertIsNone(answer.headers["content-digest"])
        self.assertEqual(answer.headers["etag"], 'W/"v1"')

    def test_a_range_that_comes_all_the_same(self):
        self.answer_with(b"part", status=206, Content_Range="bytes 0-3/10")
        self.assertEqual(self.sluice.get(self.url, headers={"Range": "bytes=0-3"}).status, 502)


class Untouched(SluiceTestCase):
    """Where no redaction is due nothing is decoded, offered less or weakened."""

    def test_observe_mode(self):
        with HttpUpstream(echo) as upstream, Sluice(config={"mode": "observe"}) as sluice:
            url, headers = f"http://{UP}:{upstream.port}/", {"ETag": '"v1"', "Content-Encoding": "dcb"}
            upstream.respond_with(lambda request: Response(200, b"opaque", headers))
            answer = sluice.get(url, "POST", b"opaque", {"Content-Encoding": "dcz", "Accept-Encoding": "dcb, *",
                                                         "Range": "bytes=0-3"})
            self.assertEqual((answer.status, answer.body, answer.headers["etag"]), (200, b"opaque", '"v1"'))
            got = upstream.requests[0]
            self.assertEqual((got.body, got.header("accept-encoding"), got.header("range")),
                             (b"opaque", "dcb, *", "bytes=0-3"))


if __name__ == "__main__":
    main()
