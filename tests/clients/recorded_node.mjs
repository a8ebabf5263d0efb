// The official Node SDKs read what the proxy makes of recorded answers, and hand on what they have read. The protocol
// is that of recorded_python.py, but for `strict`: these SDKs have no types at run time.

import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";

// The SDKs live in a build folder, not beside this file.
const require = createRequire(path.join(process.cwd(), "node_modules", "x"));
const Anthropic = require("@anthropic-ai/sdk");
const { GoogleGenAI } = require("@google/genai");
const OpenAI = require("openai");

const { ROOT, TOKEN } = process.env;
const SAID = [{ role: "user", content: "q" }];
const oai = new OpenAI({ baseURL: `${ROOT}/v1`, apiKey: TOKEN, maxRetries: 0, timeout: 30_000 });
const ant = new Anthropic({ baseURL: ROOT, apiKey: TOKEN, maxRetries: 0, timeout: 30_000 });
const gem = new GoogleGenAI({ apiKey: TOKEN, httpOptions: { baseUrl: ROOT, timeout: 30_000 } });

// A chat's content can be parts with some vendors, and a thought stands where the SDK has no name for it.
const thought = (delta) =>
  delta.reasoning_content ?? delta.reasoning ?? (delta.reasoning_details ?? []).map((d) => d.text ?? d.summary ?? "").join("");
const texts = (content, kind) => {
  if (typeof content === "string") return kind === "text" ? content : "";
  return (content ?? []).map((part) => (kind === "text" ? part.text ?? "" : texts(part.thinking, "text"))).join("");
};

const clients = {
  async chat(model, stream) {
    if (!stream) return oai.chat.completions.create({ model, messages: SAID });
    const asked = { model, messages: SAID, stream: true, stream_options: { include_usage: true } };
    const message = { content: "", reasoning_content: "", refusal: "" };
    const calls = new Map();
    let finish_reason, usage;
    for await (const chunk of await oai.chat.completions.create(asked)) {
      usage = chunk.usage ?? usage;
      for (const { delta, index, finish_reason: why } of chunk.choices) {
        if (index) continue;
        finish_reason = why || finish_reason;
        message.content += texts(delta?.content, "text");
        message.reasoning_content += thought(delta ?? {}) + texts(delta?.content, "thinking");
        message.refusal += delta?.refusal ?? "";
        for (const piece of delta?.tool_calls ?? []) {
          const of = `${piece.index ?? piece.id}`;
          if (!calls.has(of)) calls.set(of, { id: piece.id, function: { name: piece.function.name, arguments: "" } });
          calls.get(of).function.arguments += piece.function?.arguments ?? "";
        }
      }
    }
    return { choices: [{ finish_reason, message: { ...message, tool_calls: [...calls.values()] } }], usage };
  },

  async responses(model, stream) {
    if (!stream) return oai.responses.create({ model, input: "q", store: false });
    const got = oai.responses.stream({ model, input: "q", store: false });
    const items = [];
    for await (const event of got) if (event.type === "response.output_item.done") items.push(event.item);
    const read = await got.finalResponse();
    // Some vendors' last event repeats nothing.
    return { ...read, output: read.output.length ? read.output : items };
  },

  async messages(model, stream) {
    const asked = { model, max_tokens: 1000, messages: SAID };
    return stream ? ant.messages.stream(asked).finalMessage() : ant.messages.create(asked);
  },

  async gemini(model, stream) {
    if (!stream) return gem.models.generateContent({ model, contents: "q" });
    const chunks = [];
    for await (const chunk of await gem.models.generateContentStream({ model, contents: "q" })) chunks.push(chunk);
    return chunks;
  },

  // The other form of a Gemini stream, which the SDK never asks for.
  async array(model) {
    const body = JSON.stringify({ contents: [{ role: "user", parts: [{ text: "q" }] }] });
    const headers = { "x-goog-api-key": TOKEN, "content-type": "application/json" };
    const got = await fetch(`${ROOT}/v1beta/models/${model}:streamGenerateContent`, { method: "POST", headers, body });
    const elements = await got.json();
    const error = got.ok ? elements.at(-1).error : elements.error;
    if (error) throw new Error(error.status);
    return elements;
  },
};

async function answer({ id, client, model, stream }) {
  try {
    return { id, client, read: await clients[client](model, stream) };
  } catch (error) {
    return { id, client, error: `${error.constructor.name}: ${error.message}`.slice(0, 2000) };
  }
}

const waiting = new Set();
for await (const line of createInterface({ input: process.stdin })) {
  const said = answer(JSON.parse(line)).then((said) => process.stdout.write(`${JSON.stringify(said)}\n`));
  waiting.add(said);
  said.finally(() => waiting.delete(said));
}
await Promise.all(waiting);
