"""An agent that is a little careless: its prompt carries an AWS key and a password, it tries to post
to a collector, and it looks at a private address. Knows nothing of Sluice: it only follows the
proxy and CA variables of its environment. Prints one line of JSON for each thing it tried.

    agent.py CHAT_PORT CURL_OR_SDK
"""

import http.client
import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

HOST = "llm.quickstart.test"
MODEL = "quickstart-1"
COLLECTOR = "collector.quickstart.test"


def prompt():
    return (f"Deploy with key {os.environ['QUICKSTART_AWS_KEY']} and password "
            f"{os.environ['DEPLOY_PASSWORD']}. What colour is the sky?")


def report(tried, **facts):
    print(json.dumps({"tried": tried, **facts}), flush=True)


def chat_with_sdk(base_url):
    from openai import OpenAI

    client = OpenAI(base_url=base_url, api_key="quickstart", max_retries=0, timeout=20)
    messages = [{"role": "user", "content": prompt()}]
    whole = client.chat.completions.create(model=MODEL, messages=messages)
    report("chat", client="openai SDK", answer=whole.choices[0].message.content)
    stream = client.chat.completions.create(model=MODEL, messages=messages, stream=True)
    pieces = [event.choices[0].delta.content or "" for event in stream]
    report("chat stream", client="openai SDK", answer="".join(pieces))


def curl_chat(base_url, stream):
    body = {"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": prompt()}]}
    command = ["curl", "-sS", "--fail-with-body", "--max-time", "20", "--data-binary", "@-",
               "-H", "Content-Type: application/json", base_url + "/chat/completions"]
    done = subprocess.run(command, input=json.dumps(body), text=True, capture_output=True, check=True)
    return done.stdout


def chat_with_curl(base_url):
    whole = json.loads(curl_chat(base_url, False))
    report("chat", client="curl", answer=whole["choices"][0]["message"]["content"])
    events = [line[6:] for line in curl_chat(base_url, True).splitlines() if line.startswith("data: {")]
    pieces = [json.loads(event)["choices"][0]["delta"].get("content", "") for event in events]
    report("chat stream", client="curl", answer="".join(pieces))


def read_problem(connection, path):
    connection.request("GET", path, headers={"Host": COLLECTOR})
    answer = connection.getresponse()
    return answer.status, answer.getheader("content-type", ""), answer.read()


def try_collector():
    """CONNECT by hand: most clients hide the body of a refused CONNECT, and it is worth reading."""
    proxy = urllib.parse.urlsplit(os.environ["HTTPS_PROXY"])
    connection = http.client.HTTPConnection(proxy.hostname, proxy.port, timeout=20)
    connection.connect()
    connection.sock.sendall(f"CONNECT {COLLECTOR}:443 HTTP/1.1\r\nHost: {COLLECTOR}:443\r\n\r\n".encode())
    answer = http.client.HTTPResponse(connection.sock, method="CONNECT")
    answer.begin()
    if answer.status == 200:  # refused inside the tunnel instead
        context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
        connection.sock = context.wrap_socket(connection.sock, server_hostname=COLLECTOR)
        status, kind, body = read_problem(connection, "/?q=everything")
    else:
        # http.client takes every answer to CONNECT for one without a body.
        length = int(answer.getheader("content-length", 0))
        status, kind, body = answer.status, answer.getheader("content-type", ""), answer.fp.read(length)
    report("collector", status=status, content_type=kind, problem=json.loads(body or b"{}"))


def try_private_address():
    try:
        with urllib.request.urlopen("http://10.0.0.7/", timeout=20) as answer:
            report("private address", status=answer.status, problem={})
    except urllib.error.HTTPError as refusal:
        report("private address", status=refusal.code, content_type=refusal.headers["content-type"],
               problem=json.loads(refusal.read()))


def main():
    base_url = f"https://{HOST}:{sys.argv[1]}/v1"
    chat_with_sdk(base_url) if sys.argv[2] == "sdk" else chat_with_curl(base_url)
    try_collector()
    try_private_address()


if __name__ == "__main__":
    main()
