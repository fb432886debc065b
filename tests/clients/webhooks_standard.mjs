// standardwebhooks for Node: what the hub signed is believed, and nothing else.
import assert from 'node:assert/strict';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { run, test } from './harness.mjs';
import { cases, headers, previous, secret, signed, single } from './webhooks_cases.mjs';

cases(Webhook, WebhookVerificationError, (webhook, body, given) => {
  assert.equal(webhook.verify(body, given, { jsonParse: false }), undefined);
});

test('it parses what it believes, and trips over a blank body', () => {
  assert.deepEqual(new Webhook(previous).verify(single.body, headers(single)), JSON.parse(single.body));
  const blank = headers(signed('  ', secret));
  assert.throws(() => new Webhook(secret).verify('  ', blank), SyntaxError);
  assert.equal(new Webhook(secret).verify('', headers(signed('', secret))), undefined);
});

run('standardwebhooks');
