// @hubspot/api-client for Node against the fake HubSpot.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import hubspot from '@hubspot/api-client';
import { base, credentials, failure, fault, records, requests, run, sandbox, test } from './harness.mjs';

const { Client, Signature, AssociationTypes } = hubspot;
// The library tells of each repetition on this stream.
console.error = () => {};

async function connect(more = {}) {
  const given = await credentials();
  return new Client({ accessToken: given.access_token, basePath: base, ...more });
}

const meeting = (title, more = {}) => ({
  properties: {
    hs_timestamp: '2026-11-20T15:00:00Z',
    hs_meeting_title: title,
    hs_meeting_start_time: '2026-11-20T15:00:00Z',
    hs_meeting_end_time: '2026-11-20T15:45:00Z',
    ...more,
  },
  associations: [],
});
const to = (id, associationTypeId) => ({
  to: { id },
  types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId }],
});
const byEmail = (client, email, ...more) => client.crm.contacts.basicApi.getById(email, ...more, ...Array(4 - more.length).fill(undefined), 'email');
const live = async (type) => (await records(type)).filter((one) => !one.archived);

test('tokensApi exchanges a code and refreshes, with the same refresh token', async () => {
  const given = await credentials();
  const client = new Client({ basePath: base });
  const page = new URL(client.oauth.getAuthorizationUrl(given.client_id, given.redirect_uri, 'oauth crm.objects.contacts.read', undefined, 'abc'));
  const address = new URL(`${base}${page.pathname}${page.search}`);
  address.searchParams.set('__sandbox_consent', 'allow');
  const consent = await fetch(address, { redirect: 'manual' });
  const back = new URL(consent.headers.get('location'));
  assert.equal(back.searchParams.get('state'), 'abc');
  const code = back.searchParams.get('code');
  const app = [given.redirect_uri, given.client_id, given.client_secret];
  const tokens = await client.oauth.tokensApi.create('authorization_code', code, ...app);
  assert.equal(tokens.expiresIn, 1800);
  assert.equal(tokens.tokenType, 'bearer');
  const next = await client.oauth.tokensApi.create('refresh_token', undefined, undefined, given.client_id, given.client_secret, tokens.refreshToken);
  assert.equal(next.refreshToken, tokens.refreshToken);
  assert.notEqual(next.accessToken, tokens.accessToken);
  client.setAccessToken(next.accessToken);
  assert.equal((await client.crm.contacts.basicApi.getPage(1)).results.length, 1);
  const used = await failure(client.oauth.tokensApi.create('authorization_code', code, ...app));
  assert.equal(used.code, 400);
});

test('wrong credentials of the token endpoint are a 400 in both styles', async () => {
  const given = await credentials();
  const client = new Client({ basePath: base });
  const refresh = (id, secret, token) => client.oauth.tokensApi.create('refresh_token', undefined, undefined, id, secret, token);
  const dead = await failure(refresh(given.client_id, given.client_secret, 'nobody'));
  assert.equal(dead.code, 400);
  assert.equal(dead.body.status, 'BAD_REFRESH_TOKEN');
  assert.equal(dead.body.error, 'invalid_grant');
  assert.equal((await failure(refresh(given.client_id, 'no', given.refresh_token))).code, 400);
  assert.equal((await failure(refresh('no', given.client_secret, given.refresh_token))).code, 400);
});

test('accessTokensApi and refreshTokensApi tell about a token; an archived one is dead', async () => {
  const given = await credentials();
  const client = new Client({ basePath: base });
  const about = await client.oauth.accessTokensApi.get(given.access_token);
  assert.equal(about.hubId, given.hub_id);
  assert.equal(about.tokenType, 'access');
  assert.ok(about.expiresIn > 1700 && about.scopes.includes('oauth'));
  const refresh = await client.oauth.refreshTokensApi.get(given.refresh_token);
  assert.equal(refresh.clientId, given.client_id);
  await client.oauth.refreshTokensApi.archive(given.refresh_token);
  assert.equal((await failure(client.oauth.refreshTokensApi.get(given.refresh_token))).code, 404);
  const form = { token: given.access_token, client_id: given.client_id, client_secret: given.client_secret };
  const answer = await client.apiRequest({
    method: 'POST',
    path: '/oauth/2026-09/token/introspect',
    defaultJson: false,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  });
  assert.equal((await answer.json()).active, true);
});

test('an expired token is 401 EXPIRED_AUTHENTICATION; a refreshed one goes on', async () => {
  const given = await credentials();
  const client = await connect();
  await fault({ fault: 'expire_access_token' });
  const error = await failure(client.crm.contacts.basicApi.getPage());
  assert.deepEqual([error.code, error.body.category], [401, 'EXPIRED_AUTHENTICATION']);
  const tokens = await client.oauth.tokensApi.create('refresh_token', undefined, undefined, given.client_id, given.client_secret, given.refresh_token);
  client.setAccessToken(tokens.accessToken);
  assert.ok((await client.crm.contacts.basicApi.getPage()).results.length > 0);
  client.setAccessToken('nobody');
  const nobody = await failure(client.crm.contacts.basicApi.getPage());
  assert.deepEqual([nobody.code, nobody.body.category], [401, 'INVALID_AUTHENTICATION']);
  client.setAccessToken(given.private_app_token);
  assert.ok((await client.crm.contacts.basicApi.getPage()).results.length > 0, 'a private app has no refresh');
});

test('a meeting is created with its people, read, changed, archived', async () => {
  const client = await connect();
  const api = client.crm.objects.meetings.basicApi;
  const ada = (await byEmail(client, 'ada@acme.example', ['email'])).id;
  const made = await api.create({ ...meeting('Discovery'), associations: [to(ada, AssociationTypes.meetingToContact ?? 200)] });
  assert.ok(made.createdAt instanceof Date);
  assert.equal(made.properties.hs_meeting_title, 'Discovery');
  const read = await api.getById(made.id, ['hs_meeting_title', 'hs_timestamp'], undefined, ['contacts']);
  assert.deepEqual(read.associations.contacts.results.map((one) => [one.id, one.type]), [[ada, 'meeting_event_to_contact']]);
  assert.equal(new Date(read.properties.hs_timestamp).toISOString(), '2026-11-20T15:00:00.000Z');
  const changed = await api.update(made.id, { properties: { hs_meeting_outcome: 'COMPLETED', hs_meeting_title: '' } });
  assert.equal(changed.properties.hs_meeting_outcome, 'COMPLETED');
  assert.equal((await api.getById(made.id, ['hs_meeting_title'])).properties.hs_meeting_title ?? null, null);
  await api.archive(made.id);
  const gone = await failure(api.getById(made.id));
  assert.deepEqual([gone.code, gone.body.message], [404, 'resource not found']);
  const archived = await api.getById(made.id, undefined, undefined, undefined, true);
  assert.equal(archived.archived, true);
  await api.archive(made.id);
});

test('calls, tasks, notes have their own properties', async () => {
  const client = await connect();
  const stamp = { hs_timestamp: '1763650800000' };
  const made = {
    calls: await client.crm.objects.calls.basicApi.create({ properties: { ...stamp, hs_call_title: 'x', hs_call_duration: '1800000', hs_call_direction: 'OUTBOUND', hs_call_status: 'COMPLETED' }, associations: [] }),
    tasks: await client.crm.objects.tasks.basicApi.create({ properties: { ...stamp, hs_task_subject: 'x', hs_task_status: 'NOT_STARTED', hs_task_priority: 'HIGH', hs_task_type: 'CALL' }, associations: [] }),
    notes: await client.crm.objects.notes.basicApi.create({ properties: { ...stamp, hs_note_body: 'x' }, associations: [] }),
  };
  for (const [type, { id }] of Object.entries(made)) {
    const again = await client.crm.objects.basicApi.getById(type, id, ['hs_timestamp']);
    assert.equal(again.properties.hs_timestamp, '2025-11-20T15:00:00Z');
    assert.equal((await live(type)).length, 1);
  }
  const wrong = { properties: { ...stamp, hs_task_subject: 'x', hs_task_status: 'NOPE' }, associations: [] };
  const error = await failure(client.crm.objects.tasks.basicApi.create(wrong));
  assert.deepEqual([error.code, error.body.category], [400, 'VALIDATION_ERROR']);
  assert.match(error.body.message, /^Property values were not valid: \[.*INVALID_OPTION/);
});

test('refusals of a record: unknown property, missing ones, a dangling association', async () => {
  const client = await connect();
  const before = (await live('contacts')).length;
  const create = (body) => failure(client.crm.contacts.basicApi.create({ associations: [], ...body }));
  const unknown = await create({ properties: { email: 'x@x.example', nope: '1' } });
  assert.match(unknown.body.message, /PROPERTY_DOESNT_EXIST/);
  assert.equal(unknown.body.errors[0].code, 'PROPERTY_DOESNT_EXIST');
  const noTime = await failure(client.crm.objects.notes.basicApi.create({ properties: { hs_note_body: 'x' }, associations: [] }));
  assert.equal(noTime.code, 400);
  const dangling = await create({ properties: { email: 'y@x.example' }, associations: [to('999', 279)] });
  assert.equal(dangling.code, 400);
  const email = await create({ properties: { email: 'no address' } });
  assert.match(email.body.message, /INVALID_EMAIL/);
  const readOnly = await create({ properties: { email: 'z@x.example', hs_object_id: '5' } });
  assert.equal(readOnly.code, 400);
  assert.equal((await live('contacts')).length, before);
  assert.ok(readOnly.body.correlationId);
});

test('a contact is found by address, also with a plus in it', async () => {
  const client = await connect();
  const made = await client.crm.contacts.basicApi.create({ properties: { email: 'A+b@X.example', firstname: 'Plus' }, associations: [] });
  assert.equal((await byEmail(client, 'a+b@x.example', ['email', 'firstname'])).id, made.id);
  const taken = await failure(client.crm.contacts.basicApi.create({ properties: { email: 'a+b@x.example' }, associations: [] }));
  assert.deepEqual([taken.code, taken.body.category], [409, 'CONFLICT']);
  assert.match(taken.body.message, new RegExp(`Existing ID: ${made.id}`));
  const changed = await client.crm.contacts.basicApi.update('a+b@x.example', { properties: { firstname: 'By address' } }, 'email');
  assert.equal(changed.id, made.id);
  assert.equal((await failure(byEmail(client, 'nobody@x.example'))).code, 404);
  const acme = await byEmail(client, 'ada@acme.example', ['email'], undefined, ['companies', 'deals']);
  assert.ok(acme.associations.companies.results.length >= 1);
});

test('getPage and getAll follow the cursor', async () => {
  const client = await connect();
  const inputs = (from) => Array.from({ length: 100 }, (_, n) => ({ properties: { email: `p${from + n}@x.example` }, associations: [] }));
  const before = (await live('contacts')).length;
  await client.crm.contacts.batchApi.create({ inputs: inputs(0) });
  await client.crm.contacts.batchApi.create({ inputs: inputs(100) });
  const first = await client.crm.contacts.basicApi.getPage(100, undefined, ['email']);
  assert.equal(first.results.length, 100);
  const second = await client.crm.contacts.basicApi.getPage(100, first.paging.next.after, ['email']);
  assert.notEqual(second.results[0].id, first.results[99].id);
  const all = await client.crm.contacts.getAll(undefined, undefined, ['email']);
  assert.equal(new Set(all.map((one) => one.id)).size, before + 200);
  assert.equal((await failure(client.crm.contacts.basicApi.getPage(101))).code, 400);
});

test('a batch without trace ids fails as a whole, with them in part', async () => {
  const client = await connect();
  const api = client.crm.objects.meetings.batchApi;
  const bad = { properties: { hs_meeting_title: 'x', hs_timestamp: 'tomorrow' }, associations: [] };
  const whole = await failure(api.create({ inputs: [meeting('one'), bad] }));
  assert.equal(whole.code, 400);
  assert.equal((await live('meetings')).length, 0);
  const part = await api.create({ inputs: [{ ...meeting('one'), objectWriteTraceId: 'a' }, { ...bad, objectWriteTraceId: 'b' }] });
  assert.deepEqual([part.status, part.results.length, part.numErrors], ['COMPLETE', 1, 1]);
  assert.deepEqual(part.errors[0].context.objectWriteTraceId, ['b']);
  assert.equal((await live('meetings')).length, 1);
});

test('batch read, update, upsert and archive', async () => {
  const client = await connect();
  const api = client.crm.contacts.batchApi;
  const read = await api.read({
    idProperty: 'email',
    properties: ['email', 'firstname'],
    propertiesWithHistory: ['firstname'],
    inputs: [{ id: 'ada@acme.example' }, { id: 'nobody@x.example' }],
  });
  assert.deepEqual([read.results.length, read.numErrors], [1, 1]);
  assert.deepEqual(read.errors[0].context.ids, ['nobody@x.example']);
  assert.equal(read.results[0].propertiesWithHistory.firstname[0].value, 'Ada');
  const id = read.results[0].id;
  const updated = await api.update({ inputs: [{ id, properties: { jobtitle: 'CEO' } }] });
  assert.equal(updated.results[0].properties.jobtitle, 'CEO');
  const input = (email, firstname) => ({ idProperty: 'email', id: email, properties: { email, firstname } });
  const upserted = await api.upsert({ inputs: [input('ada@acme.example', 'Ada L'), input('new@x.example', 'New')] });
  assert.deepEqual(upserted.results.map((one) => [one.properties.email, one._new]).sort(), [['ada@acme.example', false], ['new@x.example', true]]);
  await api.archive({ inputs: upserted.results.map(({ id }) => ({ id })) });
  assert.equal((await failure(byEmail(client, 'new@x.example'))).code, 404);
});

test('an upsert by a property of one\'s own writes once', async () => {
  const client = await connect();
  const made = await client.crm.properties.coreApi.create('meetings', {
    name: 'session_key', label: 'Session key', type: 'string', fieldType: 'text', groupName: (await client.crm.properties.groupsApi.getAll('meetings')).results[0].name, hasUniqueValue: true,
  });
  assert.equal(made.hasUniqueValue, true);
  const once = () => client.crm.objects.meetings.batchApi.upsert({
    inputs: [{ idProperty: 'session_key', id: 'ses_1', objectWriteTraceId: '1', properties: { ...meeting('x').properties, session_key: 'ses_1' } }],
  });
  const [first, second] = [await once(), await once()];
  assert.deepEqual([first.results[0]._new, second.results[0]._new], [true, false]);
  assert.equal((await live('meetings')).length, 1);
  const twin = await failure(client.crm.objects.meetings.basicApi.create(meeting('twin', { session_key: 'ses_1' })));
  assert.match(twin.body.message, /CONFLICTING_UNIQUE_VALUE/);
  const found = await client.crm.objects.meetings.basicApi.getById('ses_1', ['session_key'], undefined, undefined, false, 'session_key');
  assert.equal(found.id, first.results[0].id);
});

test('doSearch filters, sorts, pages, and lags behind', async () => {
  const client = await connect();
  const search = (body) => client.crm.contacts.searchApi.doSearch({ filterGroups: [], sorts: [], properties: ['email'], limit: 100, after: '0', ...body });
  const email = (operator, more) => ({ filterGroups: [{ filters: [{ propertyName: 'email', operator, ...more }] }] });
  assert.equal((await search(email('IN', { values: ['ada@acme.example', 'ben@acme.example'] }))).total, 2);
  assert.equal((await search(email('CONTAINS_TOKEN', { value: 'acme.example' }))).total, 2);
  assert.equal((await search({ query: 'ada' })).total, 1);
  const sorted = await search({ sorts: ['-email'], limit: 2 });
  const next = await search({ sorts: ['-email'], limit: 2, after: sorted.paging.next.after });
  assert.ok(sorted.results[1].properties.email > next.results[0].properties.email);
  await client.crm.contacts.basicApi.create({ properties: { email: 'late@x.example' }, associations: [] });
  await sandbox('POST', 'settings', { search_lag_s: 60, search_limit: 100 });
  assert.equal((await search(email('EQ', { value: 'late@x.example' }))).total, 0);
  await sandbox('POST', 'settings', { search_lag_s: 0 });
  assert.equal((await search(email('EQ', { value: 'late@x.example' }))).total, 1);
  const wrong = await failure(search({ filterGroups: [{ filters: [{ propertyName: 'nope', operator: 'EQ', value: '1' }] }] }));
  assert.deepEqual([wrong.code, wrong.body.category], [400, 'VALIDATION_ERROR']);
});

test('associations v4: default, labelled, paged, in batches, taken away', async () => {
  const client = await connect();
  const { basicApi, batchApi, schema } = client.crm.associations.v4;
  const people = (await client.crm.contacts.basicApi.getPage(3)).results.map((one) => one.id);
  const { id } = await client.crm.objects.meetings.basicApi.create(meeting('x'));
  const done = await basicApi.createDefault('meetings', id, 'contacts', people[0]);
  assert.equal(done.status, 'COMPLETE');
  await basicApi.createDefault('meetings', id, 'contacts', people[0]);
  const spec = [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 200 }];
  await basicApi.create('meetings', id, 'contacts', people[1], spec);
  await batchApi.createDefault('meetings', 'contacts', { inputs: [{ _from: { id }, to: { id: people[2] } }] });
  const page = await basicApi.getPage('meetings', id, 'contacts', undefined, 2);
  assert.equal(page.results.length, 2);
  const rest = await basicApi.getPage('meetings', id, 'contacts', page.paging.next.after, 2);
  assert.deepEqual([...page.results, ...rest.results].map((one) => String(one.toObjectId)), people);
  assert.equal(page.results[0].associationTypes[0].typeId, 200);
  const read = await batchApi.getPage('contacts', 'meetings', { inputs: people.map((one) => ({ id: one })) });
  assert.equal(read.results.length, 3);
  const label = await schema.definitionsApi.create('contacts', 'deals', { label: 'Decides', name: 'decides' });
  const typeId = label.results[0].typeId;
  const all = await schema.definitionsApi.getAll('contacts', 'deals');
  assert.ok(all.results.some((one) => one.label === 'Decides' && one.typeId === typeId));
  await schema.definitionsApi.update('contacts', 'deals', { associationTypeId: typeId, label: 'Decided' });
  assert.ok((await schema.definitionsApi.getAll('contacts', 'deals')).results.some((one) => one.label === 'Decided'));
  await schema.definitionsApi.remove('contacts', 'deals', typeId);
  assert.ok(!(await schema.definitionsApi.getAll('contacts', 'deals')).results.some((one) => one.label === 'Decided'));
  await basicApi.archive('meetings', id, 'contacts', people[0]);
  assert.equal((await basicApi.getPage('meetings', id, 'contacts')).results.length, 2);
  assert.equal((await failure(basicApi.createDefault('meetings', id, 'contacts', '999'))).code, 404);
});

test('associations v3 have names instead of numbers', async () => {
  const client = await connect();
  const api = client.crm.associations.batchApi;
  const { id } = await client.crm.objects.meetings.basicApi.create(meeting('x'));
  const ada = (await byEmail(client, 'ada@acme.example')).id;
  const pair = { _from: { id }, to: { id: ada }, type: 'meeting_event_to_contact' };
  const done = await api.create('meetings', 'contacts', { inputs: [pair] });
  assert.deepEqual([done.status, done.results[0].to.id], ['COMPLETE', ada]);
  const read = await api.read('meetings', 'contacts', { inputs: [{ id }] });
  assert.deepEqual(read.results[0].to.map((one) => one.id), [ada]);
  await api.archive('meetings', 'contacts', { inputs: [pair] });
  const empty = await api.read('meetings', 'contacts', { inputs: [{ id }] });
  assert.deepEqual([empty.results.length, empty.numErrors], [0, 1]);
});

test('properties and their groups are listed, made, changed and taken away', async () => {
  const client = await connect();
  const { coreApi, groupsApi, batchApi } = client.crm.properties;
  const all = (await coreApi.getAll('contacts')).results;
  assert.equal(all.find((one) => one.name === 'email').hasUniqueValue, true);
  await groupsApi.create('contacts', { name: 'hub', label: 'Hub' });
  const body = { name: 'hub_score', label: 'Score', type: 'number', fieldType: 'number', groupName: 'hub' };
  await coreApi.create('contacts', body);
  assert.equal((await failure(coreApi.create('contacts', body))).code, 409);
  assert.equal((await coreApi.update('contacts', 'hub_score', { label: 'Points' })).label, 'Points');
  const read = await batchApi.read('contacts', { archived: false, inputs: [{ name: 'hub_score' }, { name: 'nope' }] });
  assert.deepEqual([read.results.length, read.numErrors], [1, 1]);
  const contact = await client.crm.contacts.basicApi.create({ properties: { email: 's@x.example', hub_score: '7.5' }, associations: [] });
  assert.equal((await client.crm.contacts.basicApi.getById(contact.id, ['hub_score'])).properties.hub_score, '7.5');
  await coreApi.archive('contacts', 'hub_score');
  assert.equal((await failure(coreApi.getByName('contacts', 'hub_score'))).code, 404);
  assert.equal((await failure(coreApi.archive('contacts', 'email'))).code, 400);
});

test('owners by address and id, pipelines with stages', async () => {
  const client = await connect();
  const { ownersApi } = client.crm.owners;
  const page = await ownersApi.getPage('rafael@liveprompt.example');
  assert.equal(page.results.length, 1);
  const owner = await ownersApi.getById(page.results[0].id);
  assert.equal(owner.email, 'rafael@liveprompt.example');
  assert.equal((await ownersApi.getById(owner.userId, 'userId')).id, owner.id);
  assert.equal((await ownersApi.getPage(undefined, undefined, 1)).results.length, 1);
  const lines = await client.crm.pipelines.pipelinesApi.getAll('deals');
  const won = lines.results[0].stages.find((stage) => stage.id === 'closedwon');
  assert.deepEqual([won.metadata.isClosed, won.metadata.probability], ['true', '1.0']);
  const stages = await client.crm.pipelines.pipelineStagesApi.getAll('tickets', '0');
  assert.equal(stages.results.length, 4);
  assert.equal((await failure(client.crm.pipelines.pipelinesApi.getById('deals', 'nope'))).code, 404);
});

test('deals follow their stage, tickets their pipeline', async () => {
  const client = await connect();
  const deal = await client.crm.deals.basicApi.create({ properties: { dealname: 'x', pipeline: 'default', dealstage: 'closedwon', amount: '1000' }, associations: [] });
  const read = await client.crm.deals.basicApi.getById(deal.id, ['hs_is_closed', 'hs_is_closed_won', 'amount']);
  assert.deepEqual([read.properties.hs_is_closed, read.properties.hs_is_closed_won, read.properties.amount], ['true', 'true', '1000']);
  const wrong = await failure(client.crm.deals.basicApi.update(deal.id, { properties: { dealstage: 'nope' } }));
  assert.equal(wrong.code, 400);
  const ticket = await client.crm.tickets.basicApi.create({ properties: { subject: 'x', hs_pipeline: '0', hs_pipeline_stage: '1' }, associations: [] });
  assert.ok(ticket.id);
  const company = await client.crm.companies.basicApi.create({ properties: { name: 'New Inc', domain: 'new.example' }, associations: [] });
  assert.equal((await client.crm.companies.basicApi.getById(company.id, ['domain'])).properties.domain, 'new.example');
});

test('merge keeps the first contact, with the addresses of both; purge forgets one', async () => {
  const client = await connect();
  const { basicApi } = client.crm.contacts;
  const create = (properties) => basicApi.create({ properties, associations: [] }).then((one) => one.id);
  const [first, second] = [await create({ email: 'm1@x.example' }), await create({ email: 'm2@x.example', jobtitle: 'CTO' })];
  const merged = await basicApi.merge({ primaryObjectId: first, objectIdToMerge: second });
  assert.deepEqual([merged.id, merged.properties.jobtitle], [first, 'CTO']);
  assert.equal((await byEmail(client, 'm2@x.example')).id, first);
  await basicApi.purge({ objectId: first });
  assert.equal((await failure(basicApi.getById(first))).code, 404);
});

test('5xx and the ten-second limit are repeated by the client, a daily limit is not', async () => {
  const client = await connect({ numberOfApiCallRetries: 3 });
  await fault({ fault: 'server_error', times: 2 });
  assert.ok((await client.crm.contacts.basicApi.getPage(1)).results.length);
  await fault({ fault: 'bad_gateway', times: 1 });
  assert.ok((await client.crm.contacts.basicApi.getPage(1)).results.length);
  const before = (await requests()).length;
  await fault({ fault: 'daily_limit', times: 5 });
  const daily = await failure(client.crm.contacts.basicApi.getPage(1));
  assert.deepEqual([daily.code, daily.body.policyName], [429, 'DAILY']);
  assert.equal((await requests()).length, before + 1);
});

test('429 of ten seconds and of searches carry what the client waits by', async () => {
  const client = await connect({ numberOfApiCallRetries: 1 });
  await fault({ fault: 'rate_limit' });
  const rate = await failure(client.crm.contacts.basicApi.getPage(1));
  assert.deepEqual([rate.code, rate.body.policyName, rate.body.errorType], [429, 'TEN_SECONDLY_ROLLING', 'RATE_LIMIT']);
  await sandbox('POST', 'settings', { search_limit: 1 });
  const search = (client) => client.crm.contacts.searchApi.doSearch({ filterGroups: [], limit: 1 });
  await search(client);
  const burst = await failure(search(client));
  assert.equal(burst.body.message, 'You have reached your secondly limit.');
  const patient = await connect({ numberOfApiCallRetries: 3 });
  assert.ok((await search(patient)).total > 0, 'after a second it goes through');
});

test('errors of the platform by status: 403, 423, 503 and a page of HTML', async () => {
  const client = await connect();
  for (const [name, code] of [['missing_scopes', 403], ['lock_423', 423], ['service_unavailable', 503], ['migration_477', 477]]) {
    await fault({ fault: name });
    assert.equal((await failure(client.crm.contacts.basicApi.getPage(1))).code, code, name);
  }
  await fault({ fault: 'missing_scopes' });
  assert.equal((await failure(client.crm.contacts.basicApi.getPage(1))).body.category, 'MISSING_SCOPES');
  await fault({ fault: 'bad_gateway' });
  assert.equal((await failure(client.crm.contacts.basicApi.getPage(1))).code, 502);
  await fault({ fault: 'drop_before' });
  assert.match(String(await failure(client.crm.contacts.basicApi.getPage(1))), /fetch failed/);
});

test('apiRequest reaches what has no method, with the headers of the quota', async () => {
  const client = await connect();
  const details = await client.apiRequest({ path: '/account-info/2026-09/details' });
  assert.equal(details.status, 200);
  assert.ok((await details.json()).portalId > 0);
  const made = await client.apiRequest({ method: 'POST', path: '/crm/objects/2026-09/notes', body: { properties: { hs_timestamp: '2026-11-20T15:00:00Z', hs_note_body: 'x' } } });
  assert.equal(made.status, 201);
  assert.equal(made.headers.get('x-hubspot-ratelimit-max'), '110');
  const missing = await client.apiRequest({ path: '/crm/objects/2026-09/contacts/nobody@x.example', qs: { idProperty: 'email' } });
  assert.equal(missing.status, 404);
});

test('signatures of webhooks in three versions', async () => {
  const { client_secret: clientSecret } = await credentials();
  const [url, requestBody, timestamp] = ['https://hub.example/api/hooks?x=1', '[{"eventId":1}]', Date.now()];
  const sha = (text) => createHash('sha256').update(text).digest('hex');
  const v3 = createHmac('sha256', clientSecret).update(`POST${url}${requestBody}${timestamp}`).digest('base64');
  const valid = (signatureVersion, signature, more = {}) =>
    Signature.isValid({ signatureVersion, signature, clientSecret, requestBody, url, method: 'POST', timestamp, ...more });
  assert.ok(valid('v1', sha(clientSecret + requestBody)));
  assert.ok(valid('v2', sha(`${clientSecret}POST${url}${requestBody}`)));
  assert.ok(valid('v3', v3));
  assert.ok(!valid('v3', v3, { requestBody: '[]' }));
  assert.throws(() => valid('v3', v3, { timestamp: timestamp - 301_000 }), /Timestamp is invalid/);
});

await run('@hubspot/api-client');
