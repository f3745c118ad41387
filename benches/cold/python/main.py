"""Asks the Lambda Runtime API for events, over one connection. It replaces AWS's own client, which is a C++ extension."""

import http.client
import json
import os

from function import answer

PATH = "/2018-06-01/runtime/invocation/"

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", PATH + "next")
    response = api.getresponse()
    request_id = response.headers["lambda-runtime-aws-request-id"]
    answered = json.dumps(answer(json.loads(response.read())))
    api.request("POST", f"{PATH}{request_id}/response", answered, {"content-type": "application/json"})
    api.getresponse().read()
