"""Signatures: against the examples that the specification prints, and what is sent against what is signed."""

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

import httpx2
import pytest

from bridge.vault.signature import EMPTY, Login, Request, sign

EXAMPLE: Final = Login(
    access_key="AKIAIOSFODNN7EXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region="us-east-1"
)
"""Of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html."""

WELCOME: Final = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
AT: Final = datetime(2013, 5, 24, tzinfo=UTC)
HOST: Final = "examplebucket.s3.amazonaws.com"


@pytest.mark.parametrize(
    ("request_", "headers", "signature"),
    [
        (
            {"method": "GET", "path": "/test.txt"},
            {"range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            {
                "method": "PUT",
                "path": "/test$file.text",
                "digest": hashlib.sha256(b"Welcome to Amazon S3.").hexdigest(),
            },
            {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            {"method": "GET", "path": "/", "query": [("lifecycle", "")]},
            {},
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            {"method": "GET", "path": "/", "query": [("prefix", "J"), ("max-keys", "2")]},
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_examples_of_the_specification_come_out(
    request_: dict[str, Any], headers: dict[str, str], signature: str
) -> None:
    signed = sign(Request(host=HOST, **request_), EXAMPLE, AT, headers)
    assert signed["authorization"].endswith(f"Signature={signature}")
    assert signed["x-amz-content-sha256"] == request_.get("digest", EMPTY)


@pytest.mark.parametrize("value", ["abc", "a+b/c=", "2~VmVyeQ==", "é", "a b&c=d?#", "%2F"])
def test_what_is_sent_is_what_was_signed(value: str) -> None:
    """A client that encodes an upload's name in another way than the signature does would be refused."""
    request = Request(method="DELETE", host="store", path="/vault/ab/cd", query=[("uploadId", value)])
    sent = httpx2.Request("DELETE", f"http://store{request.target}")
    assert sent.url.raw_path.decode() == request.target
    assert httpx2.QueryParams(sent.url.query)["uploadId"] == value
