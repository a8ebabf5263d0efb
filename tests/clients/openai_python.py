"""The openai Python SDK against a running proxy. One line a check; exit code 1 when one failed.

Environment: BASE_URL, TOKEN, and the model names that the Rust side has set up:
MODEL (answers well at every endpoint), M429, M500, MSILENT, MCUT (stops in mid-stream), MLATE (fails in a 200).
"""

import io
import os
import sys
import traceback
import wave

import openai
from openai import OpenAI
from pydantic import BaseModel

BASE = os.environ["BASE_URL"]
TOKEN = os.environ["TOKEN"]
MODEL = os.environ["MODEL"]
HELLO = [{"role": "user", "content": "Say hello"}]

client = OpenAI(base_url=BASE, api_key=TOKEN, max_retries=0, timeout=20)
checks = []


def check(f):
    checks.append(f)
    return f


def has(name):
    """Whether this run was given a model of that part."""
    return name in os.environ


@check
def chat():
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
    answer = raw.parse()
    assert answer.choices[0].message.content, answer
    assert answer.choices[0].finish_reason == "stop", answer
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert raw.headers["x-request-id"] == answer._request_id or raw.headers["x-request-id"]
    assert raw.headers["x-ai-proxy-deployment"], raw.headers
    assert raw.headers["x-ai-proxy-attempts"] == "1", raw.headers


@check
def chat_streams():
    text, finish, usage = "", None, None
    for chunk in client.chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
    ):
        if chunk.usage:
            usage = chunk.usage
            assert chunk.choices == [], chunk
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    assert text and finish == "stop" and usage.total_tokens > 0, (text, finish, usage)


@check
def chat_streams_without_usage_unasked():
    for chunk in client.chat.completions.create(model=MODEL, messages=HELLO, stream=True):
        assert chunk.usage is None, chunk


@check
def chat_stream_helper():
    with client.chat.completions.stream(model=MODEL, messages=HELLO) as stream:
        for _ in stream:
            pass
        assert stream.get_final_completion().choices[0].message.content


TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["c", "f"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


@check
def tools():
    import json

    answer = client.chat.completions.create(model=MODEL, messages=HELLO, tools=[TOOL], tool_choice="required")
    call = answer.choices[0].message.tool_calls[0]
    assert call.id and call.function.name == "get_weather", call
    assert json.loads(call.function.arguments)["unit"] in ("c", "f"), call
    again = client.chat.completions.create(
        model=MODEL,
        messages=HELLO + [answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}],
        tools=[TOOL],
    )
    assert again.choices[0].message.content, again


@check
def tools_stream():
    import json

    arguments, name, finish = "", None, None
    for chunk in client.chat.completions.create(
        model=MODEL, messages=HELLO, tools=[TOOL], tool_choice="required", stream=True
    ):
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or []:
                assert call.index == 0, call
                name = call.function.name or name
                arguments += call.function.arguments or ""
    assert name == "get_weather" and "city" in json.loads(arguments) and finish == "tool_calls", (name, arguments, finish)


class Person(BaseModel):
    name: str
    age: int


@check
def json_schema():
    answer = client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Person)
    assert isinstance(answer.choices[0].message.parsed, Person), answer


@check
def completions():
    assert client.completions.create(model=MODEL, prompt="hello").choices[0].text


@check
def embeddings_base64_and_float():
    # The SDK asks for base64 by itself and decodes it.
    plain = client.embeddings.create(model=MODEL, input=["one", "two"])
    floats = client.embeddings.create(model=MODEL, input=["one", "two"], encoding_format="float")
    assert len(plain.data) == len(floats.data) == 2
    for a, b in zip(plain.data, floats.data):
        assert len(a.embedding) == len(b.embedding) > 0
        assert all(abs(x - y) < 1e-6 for x, y in zip(a.embedding, b.embedding))
    assert len(client.embeddings.create(model=MODEL, input="x", dimensions=8).data[0].embedding) == 8


@check
def responses():
    answer = client.responses.create(model=MODEL, input="hello")
    assert answer.status == "completed" and answer.output_text and answer.usage.total_tokens > 0, answer


@check
def responses_stream():
    text, kinds = "", []
    for event in client.responses.create(model=MODEL, input="hello", stream=True):
        kinds.append(event.type)
        if event.type == "response.output_text.delta":
            text += event.delta
    assert text and kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds


@check
def models():
    listed = [m.id for m in client.models.list()]
    assert MODEL in listed, listed
    assert client.models.retrieve(MODEL).id == MODEL
    slashed = next((m for m in listed if "/" in m), None)
    if slashed:
        assert client.models.retrieve(slashed).id == slashed
    try:
        client.models.retrieve("no-such-model")
    except openai.NotFoundError as e:
        assert e.code == "model_not_found", e.body
    else:
        raise AssertionError("a model that is not there was found")


@check
def moderations():
    assert client.moderations.create(model=MODEL, input="hello").results[0].flagged is False


@check
def transcription_upload():
    sound = io.BytesIO()
    with wave.open(sound, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes(b"\0\0" * 160_000)
    sound.seek(0)
    assert client.audio.transcriptions.create(model=MODEL, file=("a.wav", sound)).text


@check
def speech():
    assert len(client.audio.speech.create(model=MODEL, voice="alloy", input="hello").content) > 40


@check
def images():
    import base64

    image = client.images.generate(model=MODEL, prompt="a dot", response_format="b64_json").data[0]
    assert base64.b64decode(image.b64_json).startswith(b"\x89PNG"), image


def raises(kind, f, code=None, status=None):
    try:
        f()
    except kind as e:
        assert type(e) is kind or kind in (openai.APIError, openai.InternalServerError), type(e)
        if code is not None:
            assert e.code == code, (e.code, e.body)
        if status is not None:
            assert e.status_code == status, e.status_code
        return e
    raise AssertionError(f"{kind.__name__} was not raised")


def ask(model, key=TOKEN, timeout=20, **more):
    c = OpenAI(base_url=BASE, api_key=key, max_retries=0, timeout=timeout)
    return c.chat.completions.create(model=model, messages=HELLO, **more)


@check
def error_401():
    e = raises(openai.AuthenticationError, lambda: ask(MODEL, key="wrong"), code="invalid_api_key", status=401)
    assert "wrong" not in str(e.body), e.body


@check
def error_404():
    raises(openai.NotFoundError, lambda: ask(MODEL + "x"), code="model_not_found", status=404)


@check
def error_400():
    e = raises(openai.BadRequestError, lambda: client.post("/chat/completions", cast_to=object, body={"messages": []}))
    assert e.param == "model", e.body


@check
def error_429():
    e = raises(openai.RateLimitError, lambda: ask(os.environ["M429"]), status=429)
    assert int(e.response.headers["retry-after"]) >= 0


@check
def error_500():
    raises(openai.InternalServerError, lambda: ask(os.environ["M500"]))


@check
def error_timeout():
    raises(openai.APITimeoutError, lambda: ask(os.environ["MSILENT"], timeout=0.7))


def read(model):
    text = ""
    try:
        for chunk in ask(model, stream=True):
            text += chunk.choices[0].delta.content or "" if chunk.choices else ""
    except (openai.APIError, Exception) as e:
        return text, e
    return text, None


@check
def error_cut_stream():
    text, error = read(os.environ["MCUT"])
    assert "word1" in text, text
    assert isinstance(error, openai.APIError), f"a cut stream ended with {error!r} after {text!r}"


@check
def error_in_a_200():
    text, error = read(os.environ["MLATE"])
    assert isinstance(error, openai.APIError), f"an error inside a 200 ended with {error!r} after {text!r}"


def main():
    only = sys.argv[1:]
    failed = 0
    needs = {"error_429": "M429", "error_500": "M500", "error_timeout": "MSILENT", "error_cut_stream": "MCUT", "error_in_a_200": "MLATE"}
    for f in checks:
        if (only and f.__name__ not in only) or not has(needs.get(f.__name__, "MODEL")):
            continue
        try:
            f()
            print(f"ok {f.__name__}")
        except Exception:
            failed += 1
            print(f"FAIL {f.__name__}\n{traceback.format_exc(limit=4)}")
    print(f"openai {openai.__version__}: {failed} failed")
    return 1 if failed else 0


sys.exit(main())
