"""A function of Fn's format cloudevent: one CloudEvents 0.1 event a line in, one out. Standard error is the log."""
import json
import sys

for line in sys.stdin:
    event = json.loads(line)
    name = (event.get("data") or {}).get("name", "world")
    print("greeting", name, "in event", event.get("eventID"), file=sys.stderr, flush=True)
    event.update(contentType="application/json", data={"message": f"Hello, {name}!"})
    print(json.dumps(event), flush=True)
