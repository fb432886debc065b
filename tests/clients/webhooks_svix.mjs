// svix for Node: its Webhook takes the headers of Standard Webhooks, and Svix' own.
import assert from 'node:assert/strict';
import { Webhook, WebhookVerificationError } from 'svix';
import { run, test } from './harness.mjs';
import { cases, headers, previous, single } from './webhooks_cases.mjs';

cases(Webhook, WebhookVerificationError, (webhook, body, given) => {
  assert.equal(webhook.verify(body, given), undefined);
});

test('the headers may be called svix-, and those go first', () => {
  const named = Object.entries(headers(single)).map(([name, value]) => [name.replace('webhook', 'svix'), value]);
  const branded = Object.fromEntries(named);
  new Webhook(previous).verify(single.body, branded);
  new Webhook(previous).verify(single.body, { ...headers(single, { 'webhook-id': 'msg_other' }), ...branded });
  assert.throws(
    () => new Webhook(previous).verify(single.body, { ...headers(single), 'svix-id': 'msg_other' }),
    WebhookVerificationError,
  );
});

run('svix');
