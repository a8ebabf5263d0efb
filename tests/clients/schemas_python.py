"""Holds requests that are to reach a provider against the types of that provider's official SDK.

Stdin: one JSON line a request: id, wire (chat, responses, messages, gemini or converse) and body. Stdout: one line each: id, and
`problems`, empty where the types take the body and know every key in it.
"""

import json
import sys
from collections.abc import Iterator

from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from botocore.session import Session
from botocore.validate import ParamValidator
from google.genai import types
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from pydantic import TypeAdapter, ValidationError

PARAMS = {
    "chat": (CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming),
    "responses": (ResponseCreateParamsNonStreaming, ResponseCreateParamsStreaming),
    "messages": (MessageCreateParamsNonStreaming, MessageCreateParamsStreaming),
}
ADAPTERS = {wire: tuple(map(TypeAdapter, params)) for wire, params in PARAMS.items()}
# AWS's own description of the operation, by which its SDKs write the body.
CONVERSE = Session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape
# What stands beside the contents in a body of Gemini's, and what it is. The models forbid unknown keys by themselves.
GEMINI = {
    "contents": list[types.Content],
    "systemInstruction": types.Content,
    "generationConfig": types.GenerationConfig,
    "tools": list[types.Tool],
    "toolConfig": types.ToolConfig,
    "safetySettings": list[types.SafetySetting],
    "cachedContent": str,
    "labels": dict[str, str],
}


def whole(value):
    """Lists are looked into only as they are read."""
    if isinstance(value, dict):
        return {key: whole(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, Iterator)) or type(value).__name__ == "ValidatorIterator":
        return [whole(inner) for inner in value]
    return value


def unknown(given, taken, at=""):
    """Keys that the types have no place for: they are not taken."""
    if isinstance(given, dict) and isinstance(taken, dict):
        for key, inner in given.items():
            if key in taken:
                yield from unknown(inner, taken[key], f"{at}.{key}")
            else:
                yield f"{at}.{key} is unknown"
    elif isinstance(given, list) and isinstance(taken, list):
        for nth, (one, other) in enumerate(zip(given, taken)):
            yield from unknown(one, other, f"{at}[{nth}]")


def apart(wire, body):
    """Takes out, and names, what providers take though the types of this place do not have it."""
    for turn in body.get("messages" if wire == "chat" else "input") or []:
        parts = turn.get("content") if isinstance(turn, dict) else None
        if not isinstance(parts, list):
            continue
        for kind in ("input_audio", "video_url") if wire == "responses" else ("video_url",):
            if any(part.get("type") == kind for part in parts):
                yield f"{kind} is not among the parts"
                parts[:] = [part for part in parts if part.get("type") != kind]
        if wire == "responses" and turn.get("role") == "assistant" and "id" not in turn:
            yield "an assistant's parts have no id"
            turn.update(id="msg_1", status="completed", type="message")
            for part in parts:
                part.setdefault("annotations", [])


def problems(wire, body):
    if wire == "gemini":
        found = [f".{key} is unknown" for key in body if key not in GEMINI]
        for key in GEMINI.keys() & body.keys():
            TypeAdapter(GEMINI[key]).validate_python(body[key])
        return found
    if wire == "converse":
        # The model's name goes into the path.
        report = ParamValidator().validate({"modelId": "m", **body}, CONVERSE)
        return report.generate_report().splitlines()
    found = list(apart(wire, body))
    taken = whole(ADAPTERS[wire][body.get("stream") is True].validate_python(body))
    return found + list(unknown(body, taken))


for line in sys.stdin:
    asked = json.loads(line)
    try:
        found = problems(asked["wire"], asked["body"])
    except ValidationError as error:
        found = [f"{error.error_count()} of {error.title}: {error.errors(include_input=False, include_url=False)[:4]}"]
    print(json.dumps({"id": asked["id"], "problems": found}), flush=True)
