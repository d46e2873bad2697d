"""The openai and anthropic SDKs for Python: one answer, and one as a stream. Argument: which."""

import json
import sys

which = sys.argv[1]
ASK = [{"role": "user", "content": "What colour is the sky?"}]

if which == "openai":
    import openai
    client = openai.OpenAI(api_key="test-key", max_retries=0)
    whole = client.chat.completions.create(model="m", messages=ASK).choices[0].message.content
    stream = client.chat.completions.create(model="m", messages=ASK, stream=True)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
else:
    import anthropic
    client = anthropic.Anthropic(api_key="test-key", max_retries=0)
    whole = client.messages.create(model="m", max_tokens=9, messages=ASK).content[0].text
    with client.messages.stream(model="m", max_tokens=9, messages=ASK) as stream:
        streamed = "".join(stream.text_stream)

assert whole == streamed and whole, (whole, streamed)
print(json.dumps({"client": f"{which} for python", "calls": 2, "answer": whole}))
