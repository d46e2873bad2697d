"""An A2A client of a scenario. POST /NAME {"key": PEM}: reads the card of the agent in the slot NAME, checks its
signature with the key, and asks the agent everything. Environment: PORT, and the URL of each slot (SLOT_NAME)."""

import asyncio
import http.server
import json
import os

import httpx
from a2a.client import ClientConfig, create_client
from a2a.client.card_resolver import parse_agent_card
from a2a.helpers.proto_helpers import get_message_text, new_text_message
from a2a.types import GetTaskRequest, Role, SendMessageRequest
from a2a.utils.signing import create_signature_verifier


def failure(error):
    return {"error": type(error).__name__, "message": str(error)[:500]}


def message(text):
    return SendMessageRequest(message=new_text_message(text, role=Role.ROLE_USER))


async def whole(url):
    client = await create_client(url, ClientConfig(streaming=False))
    return [get_message_text(answer.message) async for answer in client.send_message(message("hello"))][-1]


async def stream(url):
    client = await create_client(url, ClientConfig(streaming=True))
    out = {"pieces": [], "url": "", "task": "", "done": False}
    async for event in client.send_message(message("work")):
        kind = event.WhichOneof("payload")
        if kind == "task":
            out["task"] = event.task.id
        if kind == "status_update":
            out["done"] = get_message_text(event.status_update.status.message) == "done"
        for part in event.artifact_update.artifact.parts if kind == "artifact_update" else ():
            out["pieces"] += [part.text] if part.text else []
            out["url"] = part.url or out["url"]
    async with httpx.AsyncClient() as plain:
        out["report"] = (await plain.get(out["url"])).text
    return out


async def task(url, of):
    client = await create_client(url, ClientConfig(streaming=False))
    return "".join(part.text for artifact in (await client.get_task(GetTaskRequest(id=of))).artifacts
                   for part in artifact.parts)


def verified(card, key):
    create_signature_verifier(lambda kid, jku: key, ["ES256"])(parse_agent_card(card))
    return True


async def attempt(what):
    try:
        return await what
    except Exception as error:  # noqa: BLE001 - what the SDK makes of a refusal is what is shown
        return failure(error)


async def exchange(url, key):
    out = {"slot": url}
    async with httpx.AsyncClient() as plain:
        out["card"] = (await plain.get(url + "/.well-known/agent-card.json")).text
    try:
        out["verified"] = verified(json.loads(out["card"]), key)
    except Exception as error:  # noqa: BLE001
        out["verified"] = failure(error)
    out["whole"] = await attempt(whole(url))
    out["stream"] = await attempt(stream(url))
    out["again"] = await attempt(task(url, out["stream"].get("task") or "none"))
    return out


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        url = os.environ["SLOT_" + self.path[1:].upper()]
        body = json.dumps(asyncio.run(exchange(url, asked["key"]))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
