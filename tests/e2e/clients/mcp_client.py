"""A real MCP client: lists tools, calls one that may, one that may not, and one again. Argument: the URL."""

import asyncio
import json
import sys

from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client


async def call(client, tool, path):
    try:
        answer = await client.call_tool(tool, {"path": path})
        return answer.content[0].text
    except Exception as error:  # noqa: BLE001 - what the SDK makes of a refusal is what is shown
        return {"error": type(error).__name__, "message": str(error)[:300],
                "data": getattr(getattr(error, "error", None), "data", None)}


async def main():
    async with Client(sys.argv[1]) as client:
        tools = sorted(tool.name for tool in (await client.list_tools()).tools)
        print(json.dumps({"tools": tools, "read": await call(client, "read_file", "/home/a"),
                          "deleted": await call(client, "delete_file", "/home/a"),
                          "secret": await call(client, "read_file", "/etc/passwd"),
                          "again": await call(client, "read_file", "/home/b")}))


asyncio.run(main())
