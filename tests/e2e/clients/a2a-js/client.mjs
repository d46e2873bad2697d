// An A2A client of a scenario, as overlay_client.py is one. Environment: PORT, and the URL of each slot (SLOT_NAME).
import { createPublicKey } from 'node:crypto';
import http from 'node:http';
import { Role, verifyAgentCardSignature } from '@a2a-js/sdk';
import { ClientFactory } from '@a2a-js/sdk/client';

const failure = (error) => ({ error: error.name, message: String(error.message).slice(0, 500) });
const attempt = (what) => what.catch(failure);
const message = (text) => ({
  tenant: '', configuration: undefined, metadata: undefined,
  message: {
    messageId: crypto.randomUUID(), contextId: '', taskId: '', role: Role.ROLE_USER, metadata: undefined,
    parts: [{ content: { $case: 'text', value: text }, metadata: undefined, filename: '', mediaType: 'text/plain' }],
    extensions: [], referenceTaskIds: [],
  },
});
const text = (parts) =>
  parts.filter((part) => part.content?.$case === 'text').map((part) => part.content.value).join('');

async function whole(client) {
  return text((await client.sendMessage(message('hello'))).parts);
}

async function stream(client) {
  const out = { pieces: [], url: '', task: '', done: false };
  for await (const { payload } of client.sendMessageStream(message('work'))) {
    if (payload.$case === 'task') out.task = payload.value.id;
    if (payload.$case === 'statusUpdate') out.done = text(payload.value.status.message?.parts ?? []) === 'done';
    if (payload.$case !== 'artifactUpdate') continue;
    for (const part of payload.value.artifact.parts) {
      if (part.content.$case === 'url') out.url = part.content.value;
      else if (part.content.value) out.pieces.push(part.content.value);
    }
  }
  out.report = await (await fetch(out.url)).text();
  return out;
}

async function again(client, id) {
  const task = await client.getTask({ tenant: '', id, historyLength: undefined });
  return task.artifacts.map((artifact) => text(artifact.parts)).join('');
}

async function exchange(url, key) {
  const out = { slot: url, card: await (await fetch(`${url}/.well-known/agent-card.json`)).text() };
  const verify = verifyAgentCardSignature(async () => createPublicKey(key));
  out.verified = await attempt(verify(JSON.parse(out.card)).then(() => true));
  const client = await new ClientFactory().createFromUrl(url);
  out.whole = await attempt(whole(client));
  out.stream = await attempt(stream(client));
  out.again = await attempt(again(client, out.stream.task || 'none'));
  return out;
}

http.createServer(async (request, response) => {
  const body = [];
  for await (const piece of request) body.push(piece);
  const url = process.env[`SLOT_${request.url.slice(1).toUpperCase()}`];
  const out = await attempt(exchange(url, JSON.parse(Buffer.concat(body)).key));
  response.end(JSON.stringify(out));
}).listen(Number(process.env.PORT), '127.0.0.1');
