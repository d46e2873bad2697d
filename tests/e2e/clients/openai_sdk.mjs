// The openai SDK for Node: one completion, and one as a stream.
import { createRequire } from 'node:module';
const require = createRequire(process.argv[2] + '/');
const { OpenAI } = require('openai');
const client = new OpenAI({ apiKey: 'test-key', maxRetries: 0 });
const ask = { model: 'm', messages: [{ role: 'user', content: 'What colour is the sky?' }] };
const whole = (await client.chat.completions.create(ask)).choices[0].message.content;
let streamed = '';
for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
  streamed += chunk.choices[0]?.delta?.content ?? '';
}
if (whole !== streamed || !whole) throw new Error(`${whole} / ${streamed}`);
console.log(JSON.stringify({ client: 'openai for node', calls: 2, answer: whole }));
