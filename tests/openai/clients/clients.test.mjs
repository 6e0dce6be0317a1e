// The official clients of OpenAI and Anthropic against a real node. What a
// model does is told by the markers of tests/upstream/main.cpp.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

import { eventually, startWorld } from './world.mjs';

const scripted = 'This is the scripted answer after 0 turns.';
const calculator = {
  name: 'calculator',
  description: 'Computes.',
  schema: { type: 'object', properties: { expression: { type: 'string' } } },
};
const openaiTools = [{
  type: 'function',
  function: {
    name: calculator.name,
    description: calculator.description,
    parameters: calculator.schema,
  },
}];
const anthropicTools = [{
  name: calculator.name,
  description: calculator.description,
  input_schema: calculator.schema,
}];
const user = (content) => [{ role: 'user', content }];

let world;
before(async () => { world = await startWorld(); });
after(async () => { await world?.stop(); });

// Providers behind the gateway: each client speaks to both.
for (const model of ['gpt-4.1-mini', 'claude-haiku-4-5']) {
  describe(`OpenAI's client with ${model}`, () => {
    let client;
    before(() => {
      client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'any', maxRetries: 0 });
    });

    it('chats', async () => {
      const got = await client.chat.completions.create({ model, messages: user('hello') });
      assert.equal(got.choices[0].message.content, scripted);
      assert.equal(got.choices[0].finish_reason, 'stop');
      assert.equal(got.model, model);
      assert.ok(got.usage.prompt_tokens > 0);
      assert.equal(got.usage.total_tokens,
        got.usage.prompt_tokens + got.usage.completion_tokens);
    });

    it('streams, with usage at the end', async () => {
      const stream = await client.chat.completions.create({
        model, messages: user('hello [[slow:5]]'), stream: true,
        stream_options: { include_usage: true },
      });
      let text = '';
      let pieces = 0;
      let usage;
      let reason;
      for await (const chunk of stream) {
        const piece = chunk.choices[0]?.delta?.content;
        if (piece) { text += piece; pieces += 1; }
        reason = chunk.choices[0]?.finish_reason ?? reason;
        usage = chunk.usage ?? usage;
      }
      assert.equal(text, scripted);
      assert.ok(pieces >= 2, `${pieces} pieces`);
      assert.equal(reason, 'stop');
      assert.ok(usage.total_tokens > 0);
    });

    it('calls tools, whole and streamed, and hands their results back', async () => {
      const messages = user('[[tools:2]]');
      const got = await client.chat.completions.create({
        model, messages, tools: openaiTools, tool_choice: 'auto',
      });
      assert.equal(got.choices[0].finish_reason, 'tool_calls');
      const calls = got.choices[0].message.tool_calls;
      assert.equal(calls.length, 2);
      assert.equal(calls[1].function.name, 'calculator');
      assert.deepEqual(JSON.parse(calls[1].function.arguments), { expression: '1 * 7 + 2' });

      const runner = client.chat.completions.stream({ model, messages, tools: openaiTools });
      const whole = await runner.finalChatCompletion();
      assert.deepEqual(
        whole.choices[0].message.tool_calls.map((c) => JSON.parse(c.function.arguments)),
        calls.map((c) => JSON.parse(c.function.arguments)));

      const next = await client.chat.completions.create({
        model,
        tools: openaiTools,
        messages: [
          ...messages, got.choices[0].message,
          ...calls.map((c) => ({ role: 'tool', tool_call_id: c.id, content: '9' })),
        ],
      });
      assert.equal(next.choices[0].message.content,
        'This is the scripted answer after 1 turn.');
    });

    it('takes a stop as a string and as a list', async () => {
      for (const stop of ['END', ['END', 'STOP']]) {
        const got = await client.chat.completions.create({ model, messages: user('hi'), stop });
        assert.equal(got.choices[0].message.content, scripted);
      }
    });

    it('learns of a refusal by its status', async () => {
      await assert.rejects(
        client.chat.completions.create({ model, messages: user('[[status:429]] a') }),
        (e) => e instanceof OpenAI.RateLimitError && e.headers.get('retry-after') === '1');
      await assert.rejects(
        client.chat.completions.create({
          model, messages: user('[[status:400]] b'), stream: true,
        }),
        (e) => e instanceof OpenAI.BadRequestError && /scripted 400/.test(e.message));
      await assert.rejects(
        client.chat.completions.create({ model, messages: user('[[status:500]] c') }),
        (e) => e instanceof OpenAI.InternalServerError);
    });

    it('tries again on its own, as its makers meant it', async () => {
      const patient = client.withOptions({ maxRetries: 2 });
      const got = await patient.chat.completions.create({
        model, messages: user(`[[status:429:1]] once, ${model}`),
      });
      assert.equal(got.choices[0].message.content, scripted);
    });

    it('hears of a stream that is cut', async () => {
      const stream = await client.chat.completions.create({
        model, messages: user('[[cut]] [[slow:5]]'), stream: true,
      });
      await assert.rejects(async () => {
        for await (const chunk of stream) assert.ok(chunk);
      }, OpenAI.APIError);
    });

    it('ends the call when it aborts in mid-stream', async () => {
      const stream = await client.chat.completions.create({
        model, messages: user('[[slow:300]] long'), stream: true,
      });
      for await (const chunk of stream) {
        assert.ok(chunk.choices);
        break; // Which aborts it.
      }
      await eventually(() => world.ledger().at(-1).ended === 'cut');
    });
  });

  describe(`Anthropic's client with ${model}`, () => {
    let client;
    before(() => {
      client = new Anthropic({ baseURL: world.url, apiKey: 'any', maxRetries: 0 });
    });

    it('sends messages', async () => {
      const got = await client.messages.create({
        model, max_tokens: 100, system: 'Be brief.', messages: user('hello'),
      });
      assert.deepEqual(got.content, [{ type: 'text', text: scripted }]);
      assert.equal(got.stop_reason, 'end_turn');
      assert.equal(got.model, model);
      assert.ok(got.usage.input_tokens > 0);
      assert.ok(got.usage.output_tokens > 0);
    });

    it('streams, and its own reader builds the same message', async () => {
      const stream = client.messages.stream({
        model, max_tokens: 100, messages: user('hello [[slow:5]]'),
      });
      let text = '';
      let pieces = 0;
      stream.on('text', (piece) => { text += piece; pieces += 1; });
      const whole = await stream.finalMessage();
      assert.equal(text, scripted);
      assert.ok(pieces >= 2, `${pieces} pieces`);
      assert.equal(whole.content[0].text, scripted);
      assert.equal(whole.stop_reason, 'end_turn');
      assert.ok(whole.usage.input_tokens > 0);
      assert.ok(whole.usage.output_tokens > 0);
    });

    it('uses tools, whole and streamed, and hands their results back', async () => {
      const messages = user('[[tools:2]]');
      const asked = { model, max_tokens: 100, messages, tools: anthropicTools };
      const got = await client.messages.create(asked);
      assert.equal(got.stop_reason, 'tool_use');
      const uses = got.content.filter((block) => block.type === 'tool_use');
      assert.equal(uses.length, 2);
      assert.deepEqual(uses[1].input, { expression: '1 * 7 + 2' });

      const whole = await client.messages.stream(asked).finalMessage();
      assert.deepEqual(
        whole.content.filter((block) => block.type === 'tool_use').map((use) => use.input),
        uses.map((use) => use.input));

      const next = await client.messages.create({
        ...asked,
        messages: [
          ...messages,
          { role: 'assistant', content: got.content },
          {
            role: 'user',
            content: uses.map((use) => ({
              type: 'tool_result', tool_use_id: use.id, content: '9',
            })),
          },
        ],
      });
      assert.equal(next.content[0].text, 'This is the scripted answer after 1 turn.');
    });

    it('learns of a refusal by its status', async () => {
      const ask = (content, more) => client.messages.create({
        model, max_tokens: 10, messages: user(content), ...more,
      });
      await assert.rejects(ask('[[status:429]] d'),
        (e) => e instanceof Anthropic.RateLimitError
          && e.error.error.type === 'rate_limit_error');
      await assert.rejects(ask('[[status:400]] e', { stream: true }),
        Anthropic.BadRequestError);
    });

    it('hears of a stream that is cut', async () => {
      const stream = client.messages.stream({
        model, max_tokens: 10, messages: user('[[cut]] [[slow:5]]'),
      });
      await assert.rejects(stream.finalMessage(), Anthropic.APIError);
    });

    it('ends the call when it aborts in mid-stream', async () => {
      const stream = client.messages.stream({
        model, max_tokens: 10, messages: user('[[slow:300]] long'),
      });
      for await (const event of stream) {
        if (event.type === 'content_block_delta') break;
      }
      stream.abort();
      await eventually(() => world.ledger().at(-1).ended === 'cut');
    });
  });
}

describe('agents', () => {
  const model = 'shannon-chat';

  it("answer OpenAI's client", async () => {
    const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'any' });
    const { data, response } = await client.chat.completions
      .create({ model, messages: user('hello') }).withResponse();
    assert.equal(data.choices[0].message.content, scripted);
    assert.equal(data.choices[0].finish_reason, 'stop');
    assert.ok(data.usage.total_tokens > 0);
    const task = await fetch(`${world.url}/api/v1/tasks/${response.headers.get('x-workflow-id')}`);
    assert.equal((await task.json()).status, 'TASK_STATUS_COMPLETED');
  });

  it('stream their own words, and what they do', async () => {
    const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'any' });
    const stream = await client.chat.completions.create({
      model, messages: user('hello [[slow:20]] [[tools:1]]'), stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let pieces = 0;
    let usage;
    const types = new Set();
    for await (const chunk of stream) {
      const piece = chunk.choices[0].delta.content;
      if (piece) { text += piece; pieces += 1; }
      usage = chunk.usage ?? usage;
      for (const event of chunk.shannon_events ?? []) types.add(event.type);
    }
    // What it says before it uses its tool, then its answer.
    assert.equal(text, 'I compute.\n\nThis is the scripted answer after 1 turn.');
    assert.ok(pieces >= 4, `${pieces} pieces`);
    assert.ok(usage.total_tokens > 0);
    assert.ok(types.has('TOOL_INVOKED'), [...types].join(' '));
  });

  it("answer Anthropic's client", async () => {
    const client = new Anthropic({ baseURL: world.url, apiKey: 'any' });
    const whole = await client.messages.stream({
      model, max_tokens: 100, messages: user('hello [[slow:5]]'),
    }).finalMessage();
    assert.equal(whole.content[0].text, scripted);
    assert.equal(whole.stop_reason, 'end_turn');
  });

  it('that fail say why', async () => {
    const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'any', maxRetries: 0 });
    await assert.rejects(
      client.chat.completions.create({ model, messages: user('[[status:400]] f') }),
      (e) => e instanceof OpenAI.InternalServerError && /scripted 400/.test(e.message));
  });
});

describe('models', () => {
  it('are listed for both clients', async () => {
    const openai = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'any' });
    const ids = [];
    for await (const one of openai.models.list()) ids.push(one.id);
    assert.ok(ids.includes('shannon-chat'));
    assert.ok(ids.includes('gpt-4.1-mini'));
    assert.equal((await openai.models.retrieve('shannon-chat')).owned_by, 'shannon');
    const anthropic = new Anthropic({ baseURL: world.url, apiKey: 'any' });
    const names = [];
    for await (const one of anthropic.models.list()) names.push(one.id);
    assert.deepEqual(names, ids);
    assert.equal((await anthropic.models.retrieve('gpt-4.1-mini')).id, 'gpt-4.1-mini');
  });

  it('that do not exist are not found', async () => {
    const openai = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'any' });
    const anthropic = new Anthropic({ baseURL: world.url, apiKey: 'any' });
    await assert.rejects(openai.models.retrieve('none'), OpenAI.NotFoundError);
    await assert.rejects(
      openai.chat.completions.create({ model: 'none', messages: user('x') }),
      (e) => e instanceof OpenAI.NotFoundError && e.code === 'model_not_found');
    await assert.rejects(
      anthropic.messages.create({ model: 'none', max_tokens: 1, messages: user('x') }),
      (e) => e instanceof Anthropic.NotFoundError && e.error.error.type === 'not_found_error');
  });
});

describe('requests that are wrong', () => {
  it('are refused and say what is wrong', async () => {
    const openai = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'any' });
    const anthropic = new Anthropic({ baseURL: world.url, apiKey: 'any' });
    await assert.rejects(
      openai.chat.completions.create({ model: 'gpt-4.1-mini', messages: [] }),
      (e) => e instanceof OpenAI.BadRequestError && e.type === 'invalid_request_error'
        && /messages array is required/.test(e.message));
    await assert.rejects(
      anthropic.messages.create({ model: 'claude-haiku-4-5', max_tokens: 0, messages: user('x') }),
      (e) => e instanceof Anthropic.BadRequestError && /max_tokens/.test(e.message));
  });
});

describe('credentials', () => {
  let guarded;
  before(async () => { guarded = await startWorld({ credentials: true }); });
  after(async () => { await guarded?.stop(); });

  const ask = { model: 'gpt-4.1-mini', messages: user('hello') };

  it('are taken as each client sends them', async () => {
    const openai = new OpenAI({ baseURL: `${guarded.url}/v1`, apiKey: guarded.key });
    const one = await openai.chat.completions.create(ask);
    assert.equal(one.choices[0].message.content, scripted);
    const anthropic = new Anthropic({ baseURL: guarded.url, apiKey: guarded.key });
    const other = await anthropic.messages.create({ ...ask, max_tokens: 10 });
    assert.equal(other.content[0].text, scripted);
  });

  it('that are wrong are refused in the words of each client', async () => {
    const openai = new OpenAI({ baseURL: `${guarded.url}/v1`, apiKey: 'sk_wrong', maxRetries: 0 });
    await assert.rejects(openai.chat.completions.create(ask),
      (e) => e instanceof OpenAI.AuthenticationError && e.type === 'authentication_error'
        && e.code === 'invalid_api_key');
    const anthropic = new Anthropic({ baseURL: guarded.url, apiKey: 'sk_wrong', maxRetries: 0 });
    await assert.rejects(anthropic.messages.create({ ...ask, max_tokens: 10 }),
      (e) => e instanceof Anthropic.AuthenticationError
        && e.error.error.type === 'authentication_error');
    await assert.rejects(anthropic.models.list(), Anthropic.AuthenticationError);
  });
});
