"""A real MCP server with two tools, by streamable HTTP. Prints its port."""

import socket

import uvicorn
from mcp.server.mcpserver import MCPServer

server = MCPServer("files")


@server.tool()
def read_file(path: str) -> str:
    return f"content of {path}"


@server.tool()
def delete_file(path: str) -> str:
    return f"deleted {path}"


listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
app = server.streamable_http_app(transport_security=None)
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])
