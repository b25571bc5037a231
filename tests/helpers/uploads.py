"""What a page does that sends files to a panel."""

import base64
import json

from workoutlib.notebook.panels.upload import ChunkedUpload


def send_in_parts(field: ChunkedUpload, name: str, content: bytes, *, parts: int = 1, rest: int = 0) -> None:
    """What the page does: one message a part, each after the answer to the one before."""
    step = -(-len(content) // parts)
    for at in range(0, len(content), step):
        data = base64.b64encode(content[at : at + step]).decode()
        part = {"id": "1", "name": name, "size": len(content), "at": at, "data": data, "rest": rest}
        field.bridge.value = json.dumps({"at": at, "sent": part})
