// The openai Node SDK against a running proxy. One line a check; exit code 1 when one failed.
//
// Environment: BASE_URL, TOKEN, and the model names that the Rust side has set up: MODEL, M429, M500, MSILENT, MCUT,
// MLATE (as openai_python.py tells).

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';

// The SDK lives in a build folder, not beside this file.
const require = createRequire(path.join(process.cwd(), 'node_modules', 'x'));
const OpenAI = require('openai').OpenAI;
const { toFile } = require('openai');

const { BASE_URL, TOKEN, MODEL } = process.env;
const hello = [{ role: 'user', content: 'Say hello' }];
const make = (more = {}) => new OpenAI({ baseURL: BASE_URL, apiKey: TOKEN, maxRetries: 0, timeout: 20_000, ...more });
const client = make();
const ask = (model, more = {}, options = {}) =>
  make(options).chat.completions.create({ model, messages: hello, ...more });

const tool = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
    strict: true,
  },
};

async function raises(kind, promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    assert.ok(error instanceof kind, `${error?.constructor?.name}: ${error}`);
    return error;
  }
  assert.fail(`${kind.name} was not raised: ${JSON.stringify(value)?.slice(0, 300)}`);
}

async function read(model) {
  let text = '';
  try {
    for await (const chunk of await ask(model, { stream: true })) text += chunk.choices[0]?.delta?.content ?? '';
  } catch (error) {
    return { text, error };
  }
  return { text };
}

const checks = {
  async chat() {
    const { data, response } = await client.chat.completions.create({ model: MODEL, messages: hello }).withResponse();
    assert.ok(data.choices[0].message.content);
    assert.ok(data.usage.total_tokens > 0);
    assert.ok(response.headers.get('x-request-id'));
    assert.ok(response.headers.get('x-ai-proxy-deployment'));
  },
  async chat_streams() {
    let text = '', usage, finish;
    const stream = await ask(MODEL, { stream: true, stream_options: { include_usage: true } });
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    assert.ok(text);
    assert.equal(finish, 'stop');
    assert.ok(usage.total_tokens > 0);
  },
  async stream_left_early() {
    const stream = await ask(MODEL, { stream: true });
    for await (const _ of stream) break;
    assert.ok((await ask(MODEL)).choices.length);
  },
  async tools() {
    const answer = await ask(MODEL, { tools: [tool], tool_choice: 'required' });
    const call = answer.choices[0].message.tool_calls[0];
    assert.equal(call.function.name, 'get_weather');
    assert.ok('city' in JSON.parse(call.function.arguments));
  },
  async tools_stream() {
    const runner = client.chat.completions.stream({ model: MODEL, messages: hello, tools: [tool], tool_choice: 'required' });
    const answer = await runner.finalChatCompletion();
    assert.equal(answer.choices[0].message.tool_calls[0].function.name, 'get_weather');
  },
  async json_schema() {
    const schema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'], additionalProperties: false };
    const answer = await ask(MODEL, { response_format: { type: 'json_schema', json_schema: { name: 'person', strict: true, schema } } });
    assert.equal(typeof JSON.parse(answer.choices[0].message.content).name, 'string');
  },
  async embeddings_base64_and_float() {
    const plain = await client.embeddings.create({ model: MODEL, input: 'one' });
    const float = await client.embeddings.create({ model: MODEL, input: 'one', encoding_format: 'float' });
    assert.equal(plain.data[0].embedding.length, float.data[0].embedding.length);
    plain.data[0].embedding.forEach((x, i) => assert.ok(Math.abs(x - float.data[0].embedding[i]) < 1e-6));
  },
  async responses() {
    const answer = await client.responses.create({ model: MODEL, input: 'hello' });
    assert.ok(answer.output_text);
  },
  async responses_stream() {
    const kinds = [];
    for await (const event of await client.responses.create({ model: MODEL, input: 'hello', stream: true })) kinds.push(event.type);
    assert.equal(kinds[0], 'response.created');
    assert.equal(kinds.at(-1), 'response.completed');
  },
  async models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.ok(ids.includes(MODEL), ids.join());
    assert.equal((await client.models.retrieve(MODEL)).id, MODEL);
  },
  async moderations() {
    assert.equal((await client.moderations.create({ model: MODEL, input: 'hello' })).results[0].flagged, false);
  },
  async transcription_upload() {
    const file = await toFile(Buffer.alloc(300_000), 'a.wav');
    assert.ok((await client.audio.transcriptions.create({ model: MODEL, file })).text);
  },
  async speech() {
    const sound = await client.audio.speech.create({ model: MODEL, voice: 'alloy', input: 'hello' });
    assert.ok((await sound.arrayBuffer()).byteLength > 40);
  },
  async images() {
    const { data } = await client.images.generate({ model: MODEL, prompt: 'a dot', response_format: 'b64_json' });
    assert.equal(Buffer.from(data[0].b64_json, 'base64').subarray(1, 4).toString(), 'PNG');
  },
  async error_401() {
    const error = await raises(OpenAI.AuthenticationError, ask(MODEL, {}, { apiKey: 'wrong' }));
    assert.equal(error.code, 'invalid_api_key');
  },
  async error_404() {
    assert.equal((await raises(OpenAI.NotFoundError, ask(MODEL + 'x'))).code, 'model_not_found');
  },
  async error_400() {
    await raises(OpenAI.BadRequestError, client.post('/chat/completions', { body: { messages: [] } }));
  },
  async error_429() {
    const error = await raises(OpenAI.RateLimitError, ask(process.env.M429));
    assert.ok(Number(error.headers.get('retry-after')) >= 0);
  },
  async error_500() {
    await raises(OpenAI.InternalServerError, ask(process.env.M500));
  },
  async error_timeout() {
    await raises(OpenAI.APIConnectionTimeoutError, ask(process.env.MSILENT, {}, { timeout: 700 }));
  },
  async error_cut_stream() {
    const { text, error } = await read(process.env.MCUT);
    assert.match(text, /word1/);
    assert.ok(error instanceof OpenAI.APIError, `a cut stream ended with ${error} after ${text}`);
  },
  async error_in_a_200() {
    const { text, error } = await read(process.env.MLATE);
    assert.ok(error instanceof OpenAI.APIError, `an error inside a 200 ended with ${error} after ${text}`);
  },
};

const needs = { error_429: 'M429', error_500: 'M500', error_timeout: 'MSILENT', error_cut_stream: 'MCUT', error_in_a_200: 'MLATE' };
const only = process.argv.slice(2);
let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  if ((only.length && !only.includes(name)) || !process.env[needs[name] ?? 'MODEL']) continue;
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n${error?.stack ?? error}`);
  }
}
console.log(`openai (node ${process.version}): ${failed} failed`);
process.exit(failed ? 1 : 0);
