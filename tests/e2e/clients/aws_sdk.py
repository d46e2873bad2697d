"""boto3: puts an object, lists and reads it; and what it sends by itself, in chunks of AWS's own. Arguments: the
endpoint, the proxy. The keys in its environment are no keys."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, proxy = sys.argv[1:]


def client(**more):
    config = Config(proxies={"https": proxy}, s3={"addressing_style": "path"}, retries={"max_attempts": 0}, **more)
    return boto3.client("s3", endpoint_url=endpoint, region_name="eu-central-1", config=config)


plain = client(request_checksum_calculation="when_required", response_checksum_validation="when_required")
plain.put_object(Bucket="b", Key="a folder/ü+(1).txt", Body=b"hello from boto3", Metadata={"colour": "two  words"})
listed = [entry["Key"] for entry in plain.list_objects_v2(Bucket="b", Prefix="a folder/ü+").get("Contents", [])]
read = plain.get_object(Bucket="b", Key="a folder/ü+(1).txt")["Body"].read().decode()
try:
    client().put_object(Bucket="b", Key="chunked", Body=b"hello")
    refused = None
except ClientError as error:
    refused = error.response["ResponseMetadata"]["HTTPStatusCode"]
print(json.dumps({"client": "boto3", "listed": listed, "read": read, "refused": refused}))
