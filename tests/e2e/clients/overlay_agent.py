"""An A2A agent of a scenario. Streams a task whose answer holds SECRET in two pieces, and whose second artifact
is an address of its own; its card is signed with KEY. Environment: PORT, SECRET, KEY (PEM)."""

import os

import uvicorn
from a2a.helpers.proto_helpers import (get_message_text, new_task_from_user_message, new_text_artifact_update_event,
                                       new_text_message, new_text_status_update_event, new_url_artifact)
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import (AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Role, TaskArtifactUpdateEvent,
                       TaskState)
from a2a.utils.signing import create_agent_card_signer
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

PORT, SECRET = int(os.environ["PORT"]), os.environ["SECRET"]
OWN = f"http://127.0.0.1:{PORT}"


class Agent(AgentExecutor):
    async def execute(self, context, event_queue):
        told = get_message_text(context.message)
        if told != "work":
            return await event_queue.enqueue_event(
                new_text_message(f"told: {told}, and it is {SECRET}", role=Role.ROLE_AGENT))
        task = new_task_from_user_message(context.message)
        await event_queue.enqueue_event(task)
        for index, text in enumerate(("it is ", SECRET[:7], SECRET[7:], " as ever")):
            await event_queue.enqueue_event(new_text_artifact_update_event(
                task.id, task.context_id, "answer", text, append=index > 0, last_chunk=index == 3, artifact_id="a-1"))
        await event_queue.enqueue_event(TaskArtifactUpdateEvent(
            task_id=task.id, context_id=task.context_id, last_chunk=True,
            artifact=new_url_artifact("report", f"{OWN}/files/report", media_type="text/plain", artifact_id="a-2")))
        await event_queue.enqueue_event(new_text_status_update_event(
            task.id, task.context_id, TaskState.TASK_STATE_COMPLETED, "done"))

    async def cancel(self, context, event_queue):
        raise NotImplementedError


card = AgentCard(
    name="python", description="works", version="1", default_input_modes=["text"], default_output_modes=["text"],
    capabilities=AgentCapabilities(streaming=True),
    skills=[AgentSkill(id="work", name="work", description="work", tags=["x"])],
    supported_interfaces=[AgentInterface(url=f"{OWN}/a2a", protocol_binding="JSONRPC", protocol_version="1.0")])
card = create_agent_card_signer(os.environ["KEY"], {"alg": "ES256", "kid": "python", "typ": "JOSE", "jku": None})(card)
handler = DefaultRequestHandler(agent_executor=Agent(), task_store=InMemoryTaskStore(), agent_card=card)
report = Route("/files/report", lambda request: PlainTextResponse("the report of python"))
uvicorn.run(Starlette(routes=create_agent_card_routes(card) + create_jsonrpc_routes(handler, "/a2a") + [report]),
            host="127.0.0.1", port=PORT, log_level="error")
