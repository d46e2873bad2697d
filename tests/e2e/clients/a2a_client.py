"""A real A2A client: reads the card, sends a message whole and as a stream, asks for a task. Argument: the URL."""

import asyncio
import json
import sys

from a2a.client import ClientConfig, create_client
from a2a.helpers.proto_helpers import get_message_text, new_text_message
from a2a.types import GetTaskRequest, Role, SendMessageRequest


def failure(error):
    return {"error": type(error).__name__, "message": str(error)[:300]}


async def send(streaming):
    client = await create_client(sys.argv[1], ClientConfig(streaming=streaming))
    try:
        request = SendMessageRequest(message=new_text_message("hello", role=Role.ROLE_USER))
        answers = [get_message_text(answer.message) async for answer in client.send_message(request)]
        return answers[-1]
    except Exception as error:  # noqa: BLE001 - what the SDK makes of a refusal is what is shown
        return failure(error)


async def task():
    client = await create_client(sys.argv[1], ClientConfig(streaming=False))
    try:
        return str(await client.get_task(GetTaskRequest(id="1")))
    except Exception as error:  # noqa: BLE001
        return failure(error)


async def main():
    print(json.dumps({"whole": await send(streaming=False), "stream": await send(streaming=True), "task": await task()}))


asyncio.run(main())
