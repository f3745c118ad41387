"""What schemathesis must know about the local run, and checks that openapi.yaml cannot express."""

import re
import zlib

import schemathesis

TEXT_OR_JSON = {"getChatAppToken", "getChatUserToken"}


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Lets half of the requests ask for JSON on routes whose default is the bare token. It is always the same half, so that a failure
    occurs again in the next run.

    The emulator writes a JSON body into its event as text. If the body is not UTF-8, the emulator itself answers 500. With another
    content type, the body reaches the function byte for byte, as from API Gateway.
    """
    if case.operation.definition.raw.get("operationId") in TEXT_OR_JSON and zlib.crc32(repr((case.path_parameters, case.query)).encode()) % 2:
        case.headers["Accept"] = "application/json"
    if isinstance(case.body, bytes):
        try:
            case.body.decode()
        except UnicodeDecodeError:
            case.headers["Content-Type"] = "application/octet-stream"


@schemathesis.hook
def after_call(ctx, case, response):
    """For a path or method without a route, the emulator's answer has no content type. This replaces it by API Gateway's answer."""
    if response.status_code == 404 and "content-type" not in response.headers:
        response.content = b'{"message":"Not Found"}'
        response.headers["content-type"] = ["application/json"]


@schemathesis.check
def is_the_services_answer(ctx, response, case):
    """No cache may keep an answer of the service. The status in a problem is the status of its answer."""
    if case.method == "OPTIONS":
        # API Gateway answers preflights, and here the emulator does.
        return
    headers = {name.lower(): values for name, values in response.headers.items()}
    if headers["content-type"] == ["application/json"] and response.json().keys() == {"message"}:
        return
    assert headers.get("cache-control") == ["no-store"], headers
    if headers["content-type"] == ["application/problem+json"]:
        problem = response.json()
        assert problem["status"] == response.status_code, problem
    text = response.content.decode()
    assert not re.search(r"panicked at|\.rs:\d|stack backtrace", text), text
