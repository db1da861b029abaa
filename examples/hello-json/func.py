"""A function of Fn's format json: one JSON object a line in, one out. Standard error is the log."""
import json
import sys

for line in sys.stdin:
    call = json.loads(line)
    name = call["body"] or "world"
    print("greeting", name, "in call", call["call_id"], file=sys.stderr, flush=True)
    method = call["protocol"]["method"]
    answer = {
        "body": f"Hello, {name}!\n",
        "content_type": "text/plain; charset=utf-8",
        "protocol": {"status_code": 201 if method == "PUT" else 200, "headers": {"X-Method": [method]}},
    }
    print(json.dumps(answer), flush=True)
