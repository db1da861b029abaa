import io
import json
import logging

from fdk import response

log = logging.getLogger()


def handler(ctx, data: io.BytesIO = None):
    body = data.getvalue() if data else b""
    name = json.loads(body).get("name", "world") if body else "world"
    log.warning("greeting %s in call %s", name, ctx.CallID())
    return response.Response(
        ctx,
        response_data=json.dumps({"message": f"Hello, {name}!"}),
        headers={"Content-Type": "application/json"},
    )
