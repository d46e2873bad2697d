"""What AWS does with a signed request, written from its documentation and not from ours: the canonical request is
made again of what arrived, and the signature must be that of the keys."""

import hashlib
import hmac
import json
from datetime import datetime, timezone
from urllib.parse import parse_qsl, quote, unquote

from servers import Response

ACCESS, SECRET, TOKEN = "AKIDOPERATOR42", "operators/secret+key0192837465", "operators-session-token-5b1e"
REGION = "eu-central-1"


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _canonical(request, names, digest, service):
    path, _, query = request.path.partition("?")
    path = quote(unquote(path), safe="/~") if service == "s3" else quote(path, safe="/~")
    pairs = sorted((quote(unquote(name), safe="~"), quote(unquote(value), safe="~"))
                   for name, _, value in (pair.partition("=") for pair in query.split("&") if pair))
    headers = "".join(f"{name}:{','.join(' '.join(v.split()) for k, v in request.headers if k.lower() == name)}\n"
                      for name in names)
    return "\n".join([request.method, path, "&".join(f"{name}={value}" for name, value in pairs), headers,
                      ";".join(names), digest])


def why_refused(request, service, secret=SECRET):
    """None when the request is signed as it should be."""
    names = [name.lower() for name, _ in request.headers]
    for name in ("authorization", "x-amz-date", "x-amz-content-sha256", "host"):
        if names.count(name) != 1:
            return f"{names.count(name)} of {name}"
    algorithm, _, rest = request.header("authorization").partition(" ")
    said = dict(part.strip().split("=", 1) for part in rest.split(","))
    date, digest = request.header("x-amz-date"), request.header("x-amz-content-sha256")
    scope = f"{date[:8]}/{REGION}/{service}/aws4_request"
    if algorithm != "AWS4-HMAC-SHA256" or said["Credential"] != f"{ACCESS}/{scope}":
        return "another key or scope: " + request.header("authorization")
    at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    if abs((datetime.now(timezone.utc) - at).total_seconds()) > 300:
        return "another time"
    if digest == "UNSIGNED-PAYLOAD":
        if service != "s3":
            return "an unsigned body"
    elif digest != hashlib.sha256(request.body).hexdigest():
        return "another body"
    signed = said["SignedHeaders"].split(";")
    if signed != sorted(signed) or not {"host", *(n for n in names if n.startswith("x-amz-"))} <= set(signed):
        return "headers that are not signed"
    to_sign = "\n".join([algorithm, date, scope,
                         hashlib.sha256(_canonical(request, signed, digest, service).encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return None if hmac.compare_digest(_hmac(key, to_sign).hex(), said["Signature"]) else "another signature"


class AwsServer:
    """Answers that of an HttpUpstream. Keeps objects, and why a request was refused."""

    def __init__(self, service="s3"):
        self.service, self.objects, self.refusals = service, {}, []

    def __call__(self, request):
        why = why_refused(request, self.service)
        if why:
            self.refusals.append(why)
            return Response(403, f"<Error><Code>SignatureDoesNotMatch</Code><Message>{why}</Message></Error>".encode(),
                            {"Content-Type": "application/xml"})
        path = unquote(request.path.partition("?")[0])
        if self.service != "s3" or "echo" in path:
            said = {"headers": request.headers, "path": request.path, "body": request.body.decode("latin-1")}
            return Response(body=json.dumps(said).encode(), headers={"Content-Type": "application/json"})
        if request.method == "PUT":
            self.objects[path] = request.body
            return Response(body=b"", headers={"ETag": '"1"'})
        if request.method == "GET" and path in self.objects:
            return Response(body=self.objects[path], headers={"ETag": '"1"'})
        prefix = path + "/" + dict(parse_qsl(request.path.partition("?")[2])).get("prefix", "")
        keys = "".join(f"<Contents><Key>{key.split('/', 2)[2]}</Key><Size>{len(body)}</Size></Contents>"
                       for key, body in sorted(self.objects.items()) if key.startswith(prefix))
        return Response(body=f"<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated>{keys}"
                             "</ListBucketResult>".encode(), headers={"Content-Type": "application/xml"})
