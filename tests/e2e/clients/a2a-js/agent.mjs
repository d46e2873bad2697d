// An A2A agent of a scenario, as overlay_agent.py is one. Environment: PORT, SECRET, KEY (PEM).
import { createPrivateKey } from 'node:crypto';
import { AgentCard, Role, TaskState, generateAgentCardSignature } from '@a2a-js/sdk';
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from '@a2a-js/sdk/server';
import { UserBuilder, agentCardHandler, jsonRpcHandler } from '@a2a-js/sdk/server/express';
import express from 'express';

const port = Number(process.env.PORT);
const secret = process.env.SECRET;
const own = `http://127.0.0.1:${port}`;

const textPart = (value) =>
  ({ content: { $case: 'text', value }, metadata: undefined, filename: '', mediaType: 'text/plain' });
const urlPart = (value) => ({ ...textPart(''), content: { $case: 'url', value } });
const message = (context, text) => ({
  messageId: crypto.randomUUID(), contextId: context.contextId, taskId: '', role: Role.ROLE_AGENT,
  parts: [textPart(text)], metadata: undefined, extensions: [], referenceTaskIds: [],
});

class Agent {
  async execute(context, bus) {
    const told = context.userMessage.parts[0].content.value;
    if (told === 'work') this.work(context, bus);
    else bus.publish(AgentEvent.message(message(context, `told: ${told}, and it is ${secret}`)));
    bus.finished();
  }

  work(context, bus) {
    const { taskId, contextId } = context;
    const artifact = (artifactId, name, part, append, lastChunk) => bus.publish(AgentEvent.artifactUpdate({
      taskId, contextId, append, lastChunk, metadata: undefined,
      artifact: { artifactId, name, description: '', parts: [part], metadata: undefined, extensions: [] },
    }));
    const status = (state, said) => ({ state, message: said, timestamp: new Date().toISOString() });
    bus.publish(AgentEvent.task({
      id: taskId, contextId, status: status(TaskState.TASK_STATE_WORKING), artifacts: [],
      history: [context.userMessage], metadata: undefined,
    }));
    const pieces = ['it is ', secret.slice(0, 7), secret.slice(7), ' as ever'];
    pieces.forEach((text, i) => artifact('a-1', 'answer', textPart(text), i > 0, i === pieces.length - 1));
    artifact('a-2', 'report', urlPart(`${own}/files/report`), false, true);
    bus.publish(AgentEvent.statusUpdate({
      taskId, contextId, metadata: undefined,
      status: status(TaskState.TASK_STATE_COMPLETED, message(context, 'done')),
    }));
  }

  async cancelTask() {
    throw new Error('not here');
  }
}

const card = AgentCard.fromJSON({
  name: 'javascript', description: 'works', version: '1', defaultInputModes: ['text'], defaultOutputModes: ['text'],
  capabilities: { streaming: true, pushNotifications: false },
  skills: [{ id: 'work', name: 'work', description: 'work', tags: ['x'] }],
  supportedInterfaces: [{ url: `${own}/a2a`, protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
});
const key = createPrivateKey(process.env.KEY);
const sign = generateAgentCardSignature(key, { alg: 'ES256', kid: 'javascript', typ: 'JOSE' });
const handler = new DefaultRequestHandler(await sign(card), new InMemoryTaskStore(), new Agent());

express()
  .use('/.well-known/agent-card.json', agentCardHandler({ agentCardProvider: handler }))
  .use('/a2a', jsonRpcHandler({ requestHandler: handler, userBuilder: UserBuilder.noAuthentication }))
  .get('/files/report', (request, response) => response.type('text').send('the report of javascript'))
  .listen(port, '127.0.0.1');
