"""The official Python SDKs read what the proxy makes of recorded answers, and hand on what they have read.

Stdin: one JSON line an exchange to ask for: id, model, client (chat, responses, messages, gemini or array), stream,
strict (the answer is the proxy's own writing: it must be what the SDK's types say). A client of arrays is Gemini's
without events: the SDK never asks so, but has the types of what comes. Stdout: one line each, in any order: id,
client, and `read`, the SDK's own objects as JSON (of a stream, what the SDK has accumulated), or `error`. ROOT and
TOKEN are in the environment.
"""

import json
import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from urllib.request import Request, urlopen

import anthropic
import openai
from anthropic.types import Message
from google import genai
from google.genai import types
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response

ROOT = os.environ["ROOT"]
TOKEN = os.environ["TOKEN"]
SAID = [{"role": "user", "content": "q"}]

oai = openai.OpenAI(base_url=ROOT + "/v1", api_key=TOKEN, max_retries=0, timeout=30)
ant = anthropic.Anthropic(base_url=ROOT, api_key=TOKEN, max_retries=0, timeout=30)
gem = genai.Client(api_key=TOKEN, http_options=types.HttpOptions(base_url=ROOT, timeout=30_000))


def checked(kind, answer, strict):
    """As JSON, held against the type: the SDKs build their objects without looking."""
    read = answer.to_dict(mode="json", warnings=False)
    if strict:
        kind.model_validate(read, strict=False)
    return read


def chat(model, stream, strict):
    if not stream:
        return checked(ChatCompletion, oai.chat.completions.create(model=model, messages=SAID), strict)
    message = {"content": "", "reasoning_content": "", "refusal": ""}
    calls, finish, usage = {}, None, None
    asked = {"model": model, "messages": SAID, "stream": True, "stream_options": {"include_usage": True}}
    for chunk in oai.chat.completions.create(**asked):
        read = checked(ChatCompletionChunk, chunk, strict)
        usage = read.get("usage") or usage
        for choice in read.get("choices") or []:
            if choice.get("index"):
                continue
            delta, finish = choice.get("delta") or {}, choice.get("finish_reason") or finish
            message["content"] += texts(delta.get("content"), "text")
            message["reasoning_content"] += thought(delta) + texts(delta.get("content"), "thinking")
            message["refusal"] += delta.get("refusal") or ""
            for piece in delta.get("tool_calls") or []:
                function = piece.get("function") or {}
                begun = {"id": piece.get("id"), "function": {"name": function.get("name"), "arguments": ""}}
                call = calls.setdefault(piece["id"] if piece.get("index") is None else piece["index"], begun)
                call["function"]["arguments"] += function.get("arguments") or ""
    message["tool_calls"] = list(calls.values())
    return {"choices": [{"finish_reason": finish, "message": message}], "usage": usage}


def thought(delta):
    """It stands where the SDK has no name for it."""
    details = "".join(detail.get("text") or detail.get("summary") or "" for detail in delta.get("reasoning_details") or [])
    return delta.get("reasoning_content") or delta.get("reasoning") or details


def texts(content, kind):
    """Some vendors' content is a list of parts."""
    if isinstance(content, str):
        return content if kind == "text" else ""
    if kind == "text":
        return "".join(part.get("text") or "" for part in content or [])
    return "".join(texts(part.get("thinking"), "text") for part in content or [])


def responses(model, stream, strict):
    if not stream:
        return checked(Response, oai.responses.create(model=model, input="q", store=False), strict)
    items, read = [], None
    for event in oai.responses.create(model=model, input="q", store=False, stream=True):
        told = checked(type(event), event, strict)
        if event.type == "response.output_item.done":
            items.append(told["item"])
        elif event.type in ("response.completed", "response.incomplete"):
            read = told["response"]
    # Some vendors' last event repeats nothing.
    read["output"] = read["output"] or items
    return read


def messages(model, stream, strict):
    asked = {"model": model, "max_tokens": 1000, "messages": SAID}
    if not stream:
        return checked(Message, ant.messages.create(**asked), strict)
    with ant.messages.stream(**asked) as got:
        for event in got:
            if event.type in ("message_start", "content_block_start", "content_block_delta", "message_delta"):
                checked(type(event), event, strict)
        return checked(Message, got.get_final_message(), strict)


def plain(answer):
    return answer.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"sdk_http_response"})


def gemini(model, stream, strict):
    if not stream:
        return plain(gem.models.generate_content(model=model, contents="q"))
    return [plain(chunk) for chunk in gem.models.generate_content_stream(model=model, contents="q")]


def array(model, stream, strict):
    said = json.dumps({"contents": [{"role": "user", "parts": [{"text": "q"}]}]}).encode()
    headers = {"x-goog-api-key": TOKEN, "content-type": "application/json"}
    with urlopen(Request(f"{ROOT}/v1beta/models/{model}:streamGenerateContent", said, headers), timeout=30) as got:
        elements = json.load(got)
    if "error" in elements[-1]:
        raise RuntimeError(elements[-1]["error"]["status"])
    # Google itself says more than its types know.
    return [plain(types.GenerateContentResponse.model_validate(one)) if strict else one for one in elements]


# Of a vendor's extras, which the types do not foresee.
warnings.filterwarnings("ignore", module="pydantic")
CLIENTS = {"chat": chat, "responses": responses, "messages": messages, "gemini": gemini, "array": array}
writing = threading.Lock()


def answer(line):
    asked = json.loads(line)
    said = {"id": asked["id"], "client": asked["client"]}
    try:
        said["read"] = CLIENTS[asked["client"]](asked["model"], asked["stream"], asked["strict"])
    except Exception as error:  # noqa: BLE001: whatever it is, it is what this client got
        said["error"] = f"{type(error).__name__}: {error}"[:2000]
    with writing:
        print(json.dumps(said), flush=True)


with ThreadPoolExecutor(4) as pool:
    for line in sys.stdin:
        pool.submit(answer, line)
