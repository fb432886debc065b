// What the hub signed, verified with a library that receivers use: the cases are the same for each of them.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { base, sandbox, test } from './harness.mjs';

const { secret, previous, attempts } = JSON.parse(readFileSync(process.env.CLIENTS_HUB_SIGNED, 'utf8'));
const [single, both] = attempts;
const STRANGE = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';

const headers = (message, more = {}) => ({
  'webhook-id': message.id,
  'webhook-timestamp': message.timestamp,
  'webhook-signature': message.signature,
  ...more,
});
const without = (given, name) => Object.fromEntries(Object.entries(given).filter(([key]) => key !== name));
const bytes = (message) => Buffer.from(message.body_base64, 'base64');
const key = (text) => Buffer.from(text.replace(/^whsec_/, ''), 'base64');
const seconds = () => Math.floor(Date.now() / 1000);

// The library's clock at so many seconds after an attempt.
function after(message, later, run) {
  const real = Date.now;
  Date.now = () => (Number(message.timestamp) + later) * 1000;
  try {
    return run();
  } finally {
    Date.now = real;
  }
}

// Signed by this file alone, so that the library does not judge itself.
function signed(body, given, id = 'msg_ours', at = seconds()) {
  const mac = createHmac('sha256', key(given)).update(`${id}.${at}.`).update(body).digest('base64');
  return { id, timestamp: `${at}`, signature: `v1,${mac}` };
}

// `verify` answers nothing and throws where it does not believe; `Refusal` is what it throws.
export function cases(Webhook, Refusal, verify) {
  const believed = (body, given, which = previous) => verify(new Webhook(which), body, given);
  const refused = (body, given, why, which = previous) =>
    assert.throws(
      () => verify(new Webhook(which), body, given),
      (error) => error instanceof Refusal && why.test(error.message),
    );
  const unsigned = /No matching signature/;

  test('what the hub signed is believed, as text and as bytes', () => {
    believed(single.body, headers(single));
    believed(bytes(single), headers(single));
    assert.equal(JSON.parse(single.body).type, 'integration.test');
  });

  test('the hub signs as the library does', () => {
    const at = new Date(Number(single.timestamp) * 1000);
    assert.equal(new Webhook(previous).sign(single.id, at, single.body), single.signature);
  });

  test('the known answer of the specification', () => {
    const body = '{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81eb52-5198-4599-803e-771906343485"}}';
    const at = new Date(1674087231000);
    const known = 'v1,Inw/unYkpAh6Njpdz4O+hnN82xYMXQ6NjnZIQN/mzIQ=';
    const message = { id: 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W', timestamp: '1674087231', signature: known };
    assert.equal(new Webhook(STRANGE).sign(message.id, at, body), known);
    after(message, 0, () => believed(body, headers(message), STRANGE));
  });

  test('a tampered body is refused', () => {
    refused(single.body.replace('integration.test', 'integration.tests'), headers(single), unsigned);
    refused(`${single.body}\n`, headers(single), unsigned);
    refused(single.body.slice(1), headers(single), unsigned);
  });

  test('the same JSON written anew is refused: verify the bytes that came', () => {
    const parsed = JSON.parse(single.body);
    const spaced = JSON.stringify(parsed, null, 1);
    const sorted = JSON.stringify(Object.fromEntries(Object.entries(parsed).reverse()));
    for (const other of [spaced, sorted]) {
      assert.deepEqual(JSON.parse(other), parsed);
      refused(other, headers(single), unsigned);
    }
  });

  test('each of the three headers is needed', () => {
    for (const name of Object.keys(headers(single))) {
      refused(single.body, without(headers(single), name), /Missing required headers/);
      refused(single.body, headers(single, { [name]: '' }), /Missing required headers/);
    }
  });

  test('the names of headers are taken in any spelling', () => {
    const spelt = Object.entries(headers(single)).map(([name, value]) => [name.toUpperCase(), value]);
    believed(single.body, Object.fromEntries(spelt));
  });

  test('five minutes after the attempt it is believed, a second later it is too old', () => {
    after(single, 300, () => believed(single.body, headers(single)));
    after(single, 301, () => refused(single.body, headers(single), /too old/));
  });

  test('five minutes before the attempt it is believed, a second earlier it is too new', () => {
    after(single, -300, () => believed(single.body, headers(single)));
    after(single, -301, () => refused(single.body, headers(single), /too new/));
  });

  test('id and time are signed too', () => {
    refused(single.body, headers(single, { 'webhook-id': both.id }), unsigned);
    refused(single.body, headers(single, { 'webhook-timestamp': `${Number(single.timestamp) + 1}` }), unsigned);
    refused(single.body, headers(single, { 'webhook-timestamp': 'soon' }), /Invalid Signature Headers/);
  });

  test('after a rotation both secrets believe, and no third one', () => {
    assert.equal(both.signature.split(' ').length, 2);
    believed(both.body, headers(both), secret);
    believed(both.body, headers(both), previous);
    refused(both.body, headers(both), unsigned, STRANGE);
    refused(single.body, headers(single), unsigned, secret);
  });

  test('a v1a in front of the v1 is passed over, and alone it is nothing', () => {
    const asymmetric = `v1a,${Buffer.alloc(64, 7).toString('base64')}`;
    believed(single.body, headers(single, { 'webhook-signature': `${asymmetric} ${single.signature}` }));
    refused(single.body, headers(single, { 'webhook-signature': asymmetric }), unsigned);
  });

  test('a version that nobody knows is passed over, also with the right signature', () => {
    const later = single.signature.replace('v1,', 'v2,');
    refused(single.body, headers(single, { 'webhook-signature': later }), unsigned);
    believed(single.body, headers(single, { 'webhook-signature': `${later} ${single.signature}` }));
  });

  test('the secret with and without whsec_ is the same, and so are its bytes', () => {
    believed(single.body, headers(single), previous.replace(/^whsec_/, ''));
    verify(new Webhook(new Uint8Array(key(previous)), { format: 'raw' }), single.body, headers(single));
    assert.throws(() => new Webhook('whsec_'));
  });

  test('bodies that are blank, empty or beyond ASCII are signed byte by byte', () => {
    for (const body of ['   ', '\n', '', '{"name":"Zoë Müller, 山田 – 👋"}']) {
      const message = signed(body, secret);
      believed(body, headers(message), secret);
      believed(Buffer.from(body), headers(message), secret);
      refused(`${body} `, headers(message), unsigned, secret);
    }
  });

  test('what the library signs, the receiver believes, byte by byte', async () => {
    await sandbox('POST', 'settings', { secrets: [secret] });
    const body = '{"type":"integration.test","name":"Zoë Müller, 山田 – 👋"}';
    const at = seconds();
    const signature = new Webhook(secret).sign('msg_ours', new Date(at * 1000), body);
    const given = { ...headers({ id: 'msg_ours', timestamp: `${at}`, signature }), 'content-type': 'application/json' };
    const send = (text) => fetch(`${base}/hooks/ours`, { method: 'POST', headers: given, body: text });
    assert.equal((await send(body)).status, 204);
    assert.equal((await send(body)).status, 204);
    assert.equal((await send(`${body} `)).status, 401);
    const state = await sandbox('GET', 'state');
    assert.equal(state.messages.msg_ours.taken, 2);
    assert.deepEqual(state.attempts.map(({ verified }) => verified), [true, true, false]);
    assert.equal(Buffer.from(state.attempts[0].body_base64, 'base64').toString(), body);
  });
}

export { both, headers, previous, secret, signed, single };
