// The @anthropic-ai/sdk for Node: one message, and one as a stream.
import { createRequire } from 'node:module';
const require = createRequire(process.argv[2] + '/');
const { Anthropic } = require('@anthropic-ai/sdk');
const client = new Anthropic({ apiKey: 'test-key', maxRetries: 0 });
const ask = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'What colour is the sky?' }] };
const whole = (await client.messages.create(ask)).content[0].text;
const streamed = await client.messages.stream(ask).finalText();
if (whole !== streamed || !whole) throw new Error(`${whole} / ${streamed}`);
console.log(JSON.stringify({ client: '@anthropic-ai/sdk', calls: 2, answer: whole }));
