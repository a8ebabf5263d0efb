"""The official Python SDKs of four dialects, each over upstreams of every dialect. One line a check; exit code 1 when
one failed.

Environment: ROOT (http://host:port), TOKEN, MODELS (comma-separated; each leads over another upstream dialect to the
same demo) and ERRORS (models of the same kind whose upstream answers 429). What the demo says is known, so every
client must read the same of it.
"""

import json
import os
import sys
import traceback

import anthropic
import openai
from google import genai
from google.genai import errors as gerrors
from google.genai import types

ROOT = os.environ["ROOT"]
TOKEN = os.environ["TOKEN"]
SAID = "Say hello"
HEARD = "You said: Say hello"
# Longer than the least limit that Responses knows, 16 tokens.
LONG = "Say " + "on and on " * 20
ASKED = "Use get_weather and get_time"
CALLS = {"get_weather": {"city"}, "get_time": {"zone"}}
SCHEMAS = {
    name: {"type": "object", "properties": {key: {"type": "string"} for key in keys}, "required": sorted(keys)}
    for name, keys in CALLS.items()
}

oai = openai.OpenAI(base_url=ROOT + "/v1", api_key=TOKEN, max_retries=0, timeout=20)
ant = anthropic.Anthropic(base_url=ROOT, api_key=TOKEN, max_retries=0, timeout=20)
gem = genai.Client(api_key=TOKEN, http_options=types.HttpOptions(base_url=ROOT, timeout=20_000))


def same_calls(calls):
    """calls: (id, name, arguments as text or as an object)."""
    ids = [id for id, _, _ in calls]
    assert all(ids) and len(set(ids)) == len(ids), f"ids: {ids}"
    read = {name: json.loads(given) if isinstance(given, str) else given for _, name, given in calls}
    assert {name: set(given) for name, given in read.items()} == CALLS, read


# ---- OpenAI chat


def chat_tools():
    return [
        {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}
        for name, schema in SCHEMAS.items()
    ]


def chat_text(model):
    answer = oai.chat.completions.create(model=model, messages=[{"role": "user", "content": SAID}])
    assert answer.choices[0].message.content == HEARD, answer
    assert answer.choices[0].finish_reason == "stop" and answer.model in (model, "demo"), answer
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0, answer.usage


def chat_stream(model):
    text, finish, usage = "", None, None
    for chunk in oai.chat.completions.create(
        model=model, messages=[{"role": "user", "content": SAID}], stream=True, stream_options={"include_usage": True}
    ):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    assert (text, finish) == (HEARD, "stop") and usage.completion_tokens > 0, (text, finish, usage)


def chat_limit(model):
    answer = oai.chat.completions.create(model=model, max_tokens=16, messages=[{"role": "user", "content": LONG}])
    assert answer.choices[0].finish_reason == "length", answer


def chat_loop(model, stream):
    messages = [{"role": "user", "content": ASKED}]
    if stream:
        with oai.chat.completions.stream(model=model, messages=messages, tools=chat_tools()) as got:
            for _ in got:
                pass
            choice = got.get_final_completion().choices[0]
    else:
        choice = oai.chat.completions.create(model=model, messages=messages, tools=chat_tools()).choices[0]
    assert choice.finish_reason == "tool_calls", choice
    calls = choice.message.tool_calls
    same_calls([(call.id, call.function.name, call.function.arguments) for call in calls])
    messages.append(choice.message.model_dump(exclude_none=True, exclude={"parsed"}))
    for call in calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"result of {call.function.name}"})
    last = oai.chat.completions.create(model=model, messages=messages, tools=chat_tools()).choices[0]
    assert last.message.content.startswith("The tool said: result of "), last


def chat_thinks(model):
    answer = oai.chat.completions.create(
        model=model, reasoning_effort="medium", messages=[{"role": "user", "content": SAID}]
    )
    assert answer.choices[0].message.content == HEARD, answer
    assert answer.choices[0].message.reasoning_content == "The user said 2 words.", answer


# ---- OpenAI responses


def responses_tools():
    return [
        {"type": "function", "name": name, "description": name, "parameters": schema, "strict": False}
        for name, schema in SCHEMAS.items()
    ]


def responses_text(model):
    answer = oai.responses.create(model=model, input=SAID, store=False)
    assert answer.output_text == HEARD and answer.status == "completed", answer
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0, answer.usage


def responses_stream(model):
    with oai.responses.stream(model=model, input=SAID, store=False) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        answer = stream.get_final_response()
    assert text == answer.output_text == HEARD and answer.usage.output_tokens > 0, (text, answer)


def responses_loop(model, stream):
    items = [{"role": "user", "content": ASKED}]
    if stream:
        with oai.responses.stream(model=model, input=items, tools=responses_tools(), store=False) as got:
            for _ in got:
                pass
            answer = got.get_final_response()
    else:
        answer = oai.responses.create(model=model, input=items, tools=responses_tools(), store=False)
    calls = [item for item in answer.output if item.type == "function_call"]
    same_calls([(call.call_id, call.name, call.arguments) for call in calls])
    items += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in answer.output]
    for call in calls:
        items.append({"type": "function_call_output", "call_id": call.call_id, "output": f"result of {call.name}"})
    last = oai.responses.create(model=model, input=items, tools=responses_tools(), store=False)
    assert last.output_text.startswith("The tool said: result of "), last


def responses_thinks(model):
    answer = oai.responses.create(
        model=model, input=SAID, reasoning={"effort": "medium", "summary": "auto"}, store=False
    )
    thoughts = [part.text for item in answer.output if item.type == "reasoning" for part in item.summary or []]
    assert thoughts == ["The user said 2 words."] and answer.output_text == HEARD, answer


# ---- Anthropic messages


def messages_tools():
    return [{"name": name, "description": name, "input_schema": schema} for name, schema in SCHEMAS.items()]


def messages_text(model):
    answer = ant.messages.create(model=model, max_tokens=100, messages=[{"role": "user", "content": SAID}])
    assert [block.text for block in answer.content] == [HEARD], answer
    assert answer.stop_reason == "end_turn" and answer.model in (model, "demo"), answer
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0, answer.usage


def messages_stream(model):
    with ant.messages.stream(model=model, max_tokens=100, messages=[{"role": "user", "content": SAID}]) as stream:
        text = "".join(stream.text_stream)
        answer = stream.get_final_message()
    assert text == HEARD and answer.stop_reason == "end_turn" and answer.usage.output_tokens > 0, (text, answer)


def messages_limit(model):
    answer = ant.messages.create(model=model, max_tokens=16, messages=[{"role": "user", "content": LONG}])
    assert answer.stop_reason == "max_tokens", answer


def messages_loop(model, stream):
    messages = [{"role": "user", "content": ASKED}]
    asked = {"model": model, "max_tokens": 200, "tools": messages_tools(), "system": "Be brief."}
    if stream:
        with ant.messages.stream(messages=messages, **asked) as got:
            answer = got.get_final_message()
    else:
        answer = ant.messages.create(messages=messages, **asked)
    assert answer.stop_reason == "tool_use", answer
    calls = [block for block in answer.content if block.type == "tool_use"]
    same_calls([(call.id, call.name, call.input) for call in calls])
    messages.append({"role": "assistant", "content": answer.content})
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": f"result of {call.name}"} for call in calls]
    messages.append({"role": "user", "content": results})
    last = ant.messages.create(messages=messages, **asked)
    assert last.content[-1].text.startswith("The tool said: result of "), last


def messages_thinks(model):
    with ant.messages.stream(
        model=model,
        max_tokens=9000,
        thinking={"type": "enabled", "budget_tokens": 8000},
        messages=[{"role": "user", "content": SAID}],
    ) as stream:
        answer = stream.get_final_message()
    thoughts = [block.thinking for block in answer.content if block.type == "thinking"]
    assert thoughts == ["The user said 2 words."] and answer.content[-1].text == HEARD, answer


def messages_counts(model):
    counted = ant.messages.count_tokens(model=model, messages=[{"role": "user", "content": SAID}])
    assert counted.input_tokens > 0, counted


# ---- Gemini


def gemini_config(**more):
    declarations = [
        types.FunctionDeclaration(name=name, description=name, parameters_json_schema=schema)
        for name, schema in SCHEMAS.items()
    ]
    off = types.AutomaticFunctionCallingConfig(disable=True)
    return types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=declarations)], automatic_function_calling=off, **more
    )


def gemini_text(model):
    answer = gem.models.generate_content(model=model, contents=SAID)
    assert answer.text == HEARD, answer
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP, answer
    usage = answer.usage_metadata
    assert usage.prompt_token_count > 0 and usage.candidates_token_count > 0, usage


def gemini_stream(model):
    text, finish = "", None
    for chunk in gem.models.generate_content_stream(model=model, contents=SAID):
        text += chunk.text or ""
        finish = chunk.candidates[0].finish_reason or finish if chunk.candidates else finish
    assert (text, finish) == (HEARD, types.FinishReason.STOP), (text, finish)


def gemini_loop(model, stream):
    contents = [types.Content(role="user", parts=[types.Part(text=ASKED)])]
    if stream:
        parts = []
        for chunk in gem.models.generate_content_stream(model=model, contents=contents, config=gemini_config()):
            for candidate in chunk.candidates or []:
                parts += candidate.content.parts if candidate.content and candidate.content.parts else []
    else:
        answer = gem.models.generate_content(model=model, contents=contents, config=gemini_config())
        parts = answer.candidates[0].content.parts
    calls = [part.function_call for part in parts if part.function_call]
    same_calls([(call.id or name, call.name, call.args) for name, call in enumerate(calls, 1)])
    contents.append(types.Content(role="model", parts=parts))
    results = [
        types.Part(
            function_response=types.FunctionResponse(
                id=call.id, name=call.name, response={"result": f"result of {call.name}"}
            )
        )
        for call in calls
    ]
    contents.append(types.Content(role="user", parts=results))
    last = gem.models.generate_content(model=model, contents=contents, config=gemini_config())
    assert last.text.startswith("The tool said: ") and "result of " in last.text, last


def gemini_thinks(model):
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=8000)
    answer = gem.models.generate_content(
        model=model, contents=SAID, config=types.GenerateContentConfig(thinking_config=thinking)
    )
    parts = answer.candidates[0].content.parts
    assert [part.text for part in parts if part.thought] == ["The user said 2 words."], answer
    assert "".join(part.text or "" for part in parts if not part.thought) == HEARD, answer


def gemini_counts(model):
    assert gem.models.count_tokens(model=model, contents=SAID).total_tokens > 0


# ---- embeddings, where the upstream's dialect has them


def openai_embeds(model):
    asked = {"model": model, "input": ["hello", "world"]}
    packed = oai.embeddings.create(**asked)  # the SDK asks for base64 and unpacks it
    plain = oai.embeddings.create(**asked, encoding_format="float")
    assert len(packed.data) == 2 and packed.usage.prompt_tokens > 0, packed.usage
    for one, other in zip(packed.data, plain.data):
        assert one.index == other.index and len(one.embedding) > 1
        assert all(abs(a - b) < 1e-6 for a, b in zip(one.embedding, other.embedding, strict=True))


def gemini_embeds(model):
    answer = gem.models.embed_content(model=model, contents=["hello", "world"])
    assert len(answer.embeddings) == 2 and len(answer.embeddings[0].values) > 1, answer


# ---- what each raises


def raises(model):
    def refused(kind, call):
        try:
            call()
        except kind as error:
            return error
        raise AssertionError(f"no {kind.__name__}")

    hello = [{"role": "user", "content": SAID}]
    refused(openai.RateLimitError, lambda: oai.chat.completions.create(model=model, messages=hello))
    refused(openai.RateLimitError, lambda: oai.responses.create(model=model, input=SAID, store=False))
    refused(anthropic.RateLimitError, lambda: ant.messages.create(model=model, max_tokens=9, messages=hello))
    error = refused(gerrors.ClientError, lambda: gem.models.generate_content(model=model, contents=SAID))
    assert error.code == 429 and error.status == "RESOURCE_EXHAUSTED", error


CHECKS = {
    "chat": [chat_text, chat_stream, chat_limit, chat_thinks],
    "responses": [responses_text, responses_stream, responses_thinks],
    "messages": [messages_text, messages_stream, messages_limit, messages_thinks, messages_counts],
    "gemini": [gemini_text, gemini_stream, gemini_thinks, gemini_counts],
}
LOOPS = {"chat": chat_loop, "responses": responses_loop, "messages": messages_loop, "gemini": gemini_loop}


def main():
    failed, passed = 0, 0
    only = os.environ.get("ONLY", "")

    def run(what, call):
        nonlocal failed, passed
        if only not in what:
            return
        try:
            call()
            passed += 1
        except Exception:
            failed += 1
            print(f"FAIL {what}\n{traceback.format_exc()}")

    for model in os.environ["MODELS"].split(","):
        for client, checks in CHECKS.items():
            for check in checks:
                run(f"{check.__name__} over {model}", lambda: check(model))
            for stream in (False, True):
                name = f"{client}_loop{'_stream' if stream else ''} over {model}"
                run(name, lambda: LOOPS[client](model, stream))
        if model.split("/")[0] in ("chat", "gemini"):
            for check in (openai_embeds, gemini_embeds):
                run(f"{check.__name__} over {model}", lambda: check(model))
    for model in os.environ["ERRORS"].split(","):
        run(f"raises over {model}", lambda: raises(model))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
