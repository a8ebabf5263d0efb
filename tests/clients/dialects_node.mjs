// The official Node SDKs of four dialects, each over upstreams of every dialect. One line a check that failed; exit
// code 1 when one did. Environment: as dialects_python.py has it.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";

// The SDKs live in a build folder, not beside this file.
const require = createRequire(path.join(process.cwd(), "node_modules", "x"));
const Anthropic = require("@anthropic-ai/sdk");
const { FinishReason, GoogleGenAI } = require("@google/genai");
const OpenAI = require("openai");

const { ROOT, TOKEN, MODELS, ERRORS, ONLY = "" } = process.env;
const SAID = "Say hello";
const HEARD = "You said: Say hello";
const ASKED = "Use get_weather and get_time";
const CALLS = { get_weather: ["city"], get_time: ["zone"] };
const schema = (keys) => ({
  type: "object",
  properties: Object.fromEntries(keys.map((key) => [key, { type: "string" }])),
  required: keys,
});
const tools = Object.entries(CALLS).map(([name, keys]) => ({ name, schema: schema(keys) }));

const oai = new OpenAI({ baseURL: `${ROOT}/v1`, apiKey: TOKEN, maxRetries: 0, timeout: 20_000 });
const ant = new Anthropic({ baseURL: ROOT, apiKey: TOKEN, maxRetries: 0, timeout: 20_000 });
const gem = new GoogleGenAI({ apiKey: TOKEN, httpOptions: { baseUrl: ROOT, timeout: 20_000 } });

function sameCalls(calls) {
  assert.equal(new Set(calls.map(([id]) => id)).size, calls.length, "ids");
  const read = calls.map(([, name, given]) => [name, Object.keys(typeof given === "string" ? JSON.parse(given) : given)]);
  assert.deepEqual(Object.fromEntries(read), CALLS);
}

const chat = {
  async text(model) {
    const answer = await oai.chat.completions.create({ model, messages: [{ role: "user", content: SAID }] });
    assert.equal(answer.choices[0].message.content, HEARD);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.ok(answer.usage.prompt_tokens > 0 && answer.usage.completion_tokens > 0);
  },
  async stream(model) {
    const got = oai.chat.completions.stream({ model, messages: [{ role: "user", content: SAID }] });
    assert.equal(await got.finalContent(), HEARD);
  },
  async loop(model) {
    const messages = [{ role: "user", content: ASKED }];
    const asked = { model, tools: tools.map(({ name, schema }) => ({ type: "function", function: { name, parameters: schema } })) };
    const { choices } = await oai.chat.completions.stream({ ...asked, messages }).finalChatCompletion();
    const calls = choices[0].message.tool_calls;
    sameCalls(calls.map((call) => [call.id, call.function.name, call.function.arguments]));
    messages.push(choices[0].message);
    for (const call of calls) messages.push({ role: "tool", tool_call_id: call.id, content: `result of ${call.function.name}` });
    const last = await oai.chat.completions.create({ ...asked, messages });
    assert.match(last.choices[0].message.content, /^The tool said: result of /);
  },
};

const responses = {
  async text(model) {
    const answer = await oai.responses.create({ model, input: SAID, store: false });
    assert.equal(answer.output_text, HEARD);
    assert.equal(answer.status, "completed");
    assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
  },
  async stream(model) {
    const answer = await oai.responses.stream({ model, input: SAID, store: false }).finalResponse();
    assert.equal(answer.output_text, HEARD);
  },
  async loop(model) {
    const input = [{ role: "user", content: ASKED }];
    const asked = { model, store: false, tools: tools.map(({ name, schema }) => ({ type: "function", name, parameters: schema, strict: false })) };
    const answer = await oai.responses.stream({ ...asked, input }).finalResponse();
    const calls = answer.output.filter((item) => item.type === "function_call");
    sameCalls(calls.map((call) => [call.call_id, call.name, call.arguments]));
    input.push(...answer.output.map(({ parsed_arguments, ...item }) => item));
    for (const call of calls) input.push({ type: "function_call_output", call_id: call.call_id, output: `result of ${call.name}` });
    const last = await oai.responses.create({ ...asked, input });
    assert.match(last.output_text, /^The tool said: result of /);
  },
};

const messages = {
  async text(model) {
    const answer = await ant.messages.create({ model, max_tokens: 100, messages: [{ role: "user", content: SAID }] });
    assert.deepEqual(answer.content.map((block) => block.text), [HEARD]);
    assert.equal(answer.stop_reason, "end_turn");
    assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
  },
  async stream(model) {
    const got = ant.messages.stream({ model, max_tokens: 100, messages: [{ role: "user", content: SAID }] });
    assert.equal(await got.finalText(), HEARD);
  },
  async loop(model) {
    const turns = [{ role: "user", content: ASKED }];
    const asked = { model, max_tokens: 200, tools: tools.map(({ name, schema }) => ({ name, input_schema: schema })) };
    const answer = await ant.messages.stream({ ...asked, messages: turns }).finalMessage();
    const calls = answer.content.filter((block) => block.type === "tool_use");
    sameCalls(calls.map((call) => [call.id, call.name, call.input]));
    turns.push({ role: "assistant", content: answer.content });
    turns.push({ role: "user", content: calls.map((call) => ({ type: "tool_result", tool_use_id: call.id, content: `result of ${call.name}` })) });
    const last = await ant.messages.create({ ...asked, messages: turns });
    assert.match(last.content.at(-1).text, /^The tool said: result of /);
  },
};

const gemini = {
  async text(model) {
    const answer = await gem.models.generateContent({ model, contents: SAID });
    assert.equal(answer.text, HEARD);
    assert.equal(answer.candidates[0].finishReason, FinishReason.STOP);
    assert.ok(answer.usageMetadata.promptTokenCount > 0 && answer.usageMetadata.candidatesTokenCount > 0);
  },
  async stream(model) {
    let text = "";
    for await (const chunk of await gem.models.generateContentStream({ model, contents: SAID })) text += chunk.text ?? "";
    assert.equal(text, HEARD);
  },
  async loop(model) {
    const contents = [{ role: "user", parts: [{ text: ASKED }] }];
    const declared = tools.map(({ name, schema }) => ({ name, description: name, parametersJsonSchema: schema }));
    const config = { tools: [{ functionDeclarations: declared }] };
    const parts = [];
    for await (const chunk of await gem.models.generateContentStream({ model, contents, config })) {
      parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []));
    }
    const calls = parts.flatMap((part) => part.functionCall ?? []);
    sameCalls(calls.map((call, nth) => [call.id ?? nth, call.name, call.args]));
    contents.push({ role: "model", parts });
    const result = ({ id, name }) => ({ functionResponse: { id, name, response: { result: `result of ${name}` } } });
    contents.push({ role: "user", parts: calls.map(result) });
    const last = await gem.models.generateContent({ model, contents, config });
    assert.match(last.text, /^The tool said: .*result of /);
  },
};

async function raises(model) {
  const hello = [{ role: "user", content: SAID }];
  await assert.rejects(oai.chat.completions.create({ model, messages: hello }), OpenAI.RateLimitError);
  await assert.rejects(oai.responses.create({ model, input: SAID, store: false }), OpenAI.RateLimitError);
  await assert.rejects(ant.messages.create({ model, max_tokens: 9, messages: hello }), Anthropic.RateLimitError);
  await assert.rejects(gem.models.generateContent({ model, contents: SAID }), (error) => error.status === 429);
}

let [passed, failed] = [0, 0];
async function run(what, call) {
  if (!what.includes(ONLY)) return;
  try {
    await call();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${what}\n${error.stack}`);
  }
}

for (const model of MODELS.split(",")) {
  for (const [client, checks] of Object.entries({ chat, responses, messages, gemini })) {
    for (const [name, check] of Object.entries(checks)) await run(`${client} ${name} over ${model}`, () => check(model));
  }
}
for (const model of ERRORS.split(",")) await run(`raises over ${model}`, () => raises(model));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
