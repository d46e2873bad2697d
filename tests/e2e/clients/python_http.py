"""httpx, aiohttp or requests: a GET and a POST. Arguments: which, base URL."""

import asyncio
import json
import sys

which, base = sys.argv[1:]
BODY = {"a": "ü"}


def check(got, posted):
    assert got["path"] == "/hello?from=python" and json.loads(posted["body"].encode("latin-1")) == BODY, (got, posted)


async def with_aiohttp():
    import aiohttp
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        async with session.get(f"{base}/hello?from=python") as got, session.post(f"{base}/echo", json=BODY) as posted:
            check(await got.json(), await posted.json())


if which == "aiohttp":
    asyncio.run(with_aiohttp())
elif which == "httpx":
    import httpx
    with httpx.Client() as session:
        check(session.get(f"{base}/hello?from=python").json(), session.post(f"{base}/echo", json=BODY).json())
else:
    import requests
    with requests.Session() as session:
        check(session.get(f"{base}/hello?from=python").json(), session.post(f"{base}/echo", json=BODY).json())
print(json.dumps({"client": which, "calls": 2}))
