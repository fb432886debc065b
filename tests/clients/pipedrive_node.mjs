// pipedrive for Node against the fake Pipedrive: v2, and v1 for what only v1 has.
import assert from 'node:assert/strict';
import pipedrive from 'pipedrive';
import { base, credentials, failure, fault, records, requests, run, sandbox, test } from './harness.mjs';

const { v1, v2 } = pipedrive;
const api = (name, given) => new v2[name](new v2.Configuration({ accessToken: given.access_token, basePath: `${base}/api/v2` }));
const old = (name, given) => new v1[name](new v1.Configuration({ accessToken: given.access_token, basePath: `${base}/api/v1` }));
const personal = async (name) =>
  new v2[name](new v2.Configuration({ apiKey: (await credentials()).api_key, basePath: `${base}/api/v2` }));
const settings = (body) => sandbox('POST', 'settings', body);
const find = async (persons, term) =>
  (await persons.searchPersons({ term, fields: 'email', exact_match: true })).data.items.map(({ item }) => item);

function app(given) {
  return new v2.OAuth2Configuration({
    clientId: given.client_id,
    clientSecret: given.client_secret,
    redirectUri: given.redirect_uri,
    host: base,
  });
}

// The code that the browser comes back with.
async function consent(config, answer = 'allow') {
  const page = new URL(config.authorizationUrl);
  page.searchParams.set('__sandbox_consent', answer);
  const back = await fetch(page, { redirect: 'manual' });
  return new URL(back.headers.get('location')).searchParams;
}

test('OAuth2Configuration exchanges a code, and the api_domain of the reply is where the API is', async () => {
  const config = app(await credentials());
  assert.equal((await consent(config, 'deny')).get('error'), 'user_denied');
  const code = (await consent(config)).get('code');
  let told;
  config.onTokenUpdate = (token) => (told = token);
  const token = await config.authorize(code);
  assert.equal(token.token_type, 'Bearer');
  assert.equal(token.api_domain, base);
  assert.ok(token.scope.split(',').includes('activities:full'));
  assert.equal(told.access_token, token.access_token);
  const persons = new v2.PersonsApi(new v2.Configuration({ accessToken: config.getAccessToken, basePath: config.basePath }));
  assert.equal((await persons.getPersons({ limit: 1 })).data.length, 1);
  const used = await failure(config.authorize(code));
  assert.equal(used.error, 'invalid_grant');
});

test('tokenRefresh gives a new access token under the same refresh token', async () => {
  const given = await credentials();
  const config = app(given);
  config.updateToken({ access_token: given.access_token, refresh_token: given.refresh_token, expires_in: 3599, api_domain: base });
  await fault({ fault: 'expire_access_token' });
  const persons = new v2.PersonsApi(new v2.Configuration({ accessToken: () => config.getAccessToken(), basePath: config.basePath }));
  const dead = await failure(persons.getPersons());
  assert.equal(dead.errorCode, 401);
  const token = await config.tokenRefresh();
  assert.equal(token.refresh_token, given.refresh_token);
  assert.notEqual(token.access_token, given.access_token);
  assert.ok((await persons.getPersons()).success);
  // The library refreshes by itself once its clock says so.
  config.expiresAt = Date.now() - 1;
  const before = (await requests()).filter((one) => one.path_and_query === '/oauth/token').length;
  await persons.getPersons({ limit: 1 });
  assert.equal((await requests()).filter((one) => one.path_and_query === '/oauth/token').length, before + 1);
});

test('a revoked refresh token is refused in the vendor\'s words', async () => {
  const given = await credentials();
  const config = app(given);
  config.updateToken({ access_token: given.access_token, refresh_token: given.refresh_token, expires_in: 3599 });
  await config.revokeToken('access_token');
  assert.equal((await failure(api('DealsApi', given).getDeals())).errorCode, 401);
  await config.tokenRefresh();
  await config.revokeToken('refresh_token');
  const dead = await failure(config.tokenRefresh());
  assert.deepEqual(dead, { success: false, message: 'Invalid grant: refresh token is invalid', error: 'invalid_grant' });
});

test('an apiKey is sent as x-api-token and opens everything', async () => {
  const me = new v1.UsersApi(new v1.Configuration({ apiKey: (await credentials()).api_key, basePath: `${base}/api/v1` }));
  const { data } = await me.getCurrentUser();
  assert.equal(data.email, 'olivia@liveprompt.example');
  assert.equal(data.company_domain, 'liveprompt-sandbox');
  const deals = await personal('DealsApi');
  assert.equal((await deals.getDeals({ status: 'open' })).data.length, 2);
  const wrong = new v2.DealsApi(new v2.Configuration({ apiKey: 'no', basePath: `${base}/api/v2` }));
  assert.equal((await failure(wrong.getDeals())).error, 'unauthorized access');
});

test('searchPersons finds whole addresses without case, and every person that has one', async () => {
  const persons = api('PersonsApi', await credentials());
  const [ada] = await find(persons, 'ADA@acme.example');
  assert.equal(ada.name, 'Ada Moreno');
  assert.equal(ada.organization.name, 'Acme Corp');
  assert.equal((await find(persons, 'dup@initech.example')).length, 2);
  assert.deepEqual(await find(persons, 'nobody@acme.example'), []);
  const short = await failure(persons.searchPersons({ term: 'a' }));
  assert.equal(short.code, 'ERR_SCHEMA_VALIDATION_FAILED');
});

test('addPerson and updatePerson; the search sees them later, and two may share an address', async () => {
  const persons = api('PersonsApi', await credentials());
  await settings({ search_lag_s: 600 });
  const AddPersonRequest = { name: 'Zoe New', emails: [{ value: 'zoe@new.example', primary: true, label: 'work' }], org_id: 1 };
  const { data: zoe } = await persons.addPerson({ AddPersonRequest });
  assert.equal(zoe.first_name, 'Zoe');
  await persons.addPerson({ AddPersonRequest });
  assert.deepEqual(await find(persons, 'zoe@new.example'), []);
  await settings({ search_lag_s: 0 });
  assert.equal((await find(persons, 'zoe@new.example')).length, 2);
  const { data } = await persons.updatePerson({ id: zoe.id, UpdatePersonRequest: { name: 'Zoe Newer' } });
  assert.equal(data.last_name, 'Newer');
  assert.equal(data.emails[0].value, 'zoe@new.example');
  const titled = await failure(persons.updatePerson({ id: zoe.id, UpdatePersonRequest: { job_title: 'CEO' } }));
  assert.equal(titled.success, false);
});

test('addActivity with participants and attendees; the primary one is person_id', async () => {
  const given = await credentials();
  const activities = api('ActivitiesApi', given);
  const persons = api('PersonsApi', given);
  const [ada] = await find(persons, 'ada@acme.example');
  const [ben] = await find(persons, 'ben@acme.example');
  const AddActivityRequest = {
    subject: 'Kick-off',
    type: 'meeting',
    due_date: '2026-11-20',
    due_time: '15:00',
    duration: '00:45',
    done: true,
    deal_id: 1,
    participants: [{ person_id: ben.id, primary: false }, { person_id: ada.id, primary: true }],
    attendees: [{ email: 'ada@acme.example', person_id: ada.id }],
    note: '<p>Words</p><!-- hidden -->',
  };
  const { data } = await activities.addActivity({ AddActivityRequest });
  assert.equal(data.person_id, ada.id);
  assert.equal(data.due_time, '15:00:00');
  assert.equal(data.note, '<p>Words</p>');
  assert.ok(data.marked_as_done_time);
  const plain = await activities.getActivity({ id: data.id });
  assert.equal(plain.data.attendees, undefined);
  const whole = await activities.getActivity({ id: data.id, include_fields: 'attendees' });
  assert.equal(whole.data.attendees[0].email, 'ada@acme.example');
  assert.equal((await activities.getActivities({ person_id: ada.id })).data.length, 1);
  assert.equal((await activities.getActivities({ person_id: ben.id })).data.length, 0);
});

test('updateActivity changes what is sent; deleteActivity leaves a trace', async () => {
  const activities = api('ActivitiesApi', await credentials());
  const { data: made } = await activities.addActivity({ AddActivityRequest: { type: 'task', subject: 'Call back' } });
  assert.equal(made.done, false);
  const { data: done } = await activities.updateActivity({ id: made.id, AddActivityRequest: { done: true } });
  assert.equal(done.subject, 'Call back');
  assert.ok(done.marked_as_done_time);
  assert.deepEqual((await activities.deleteActivity({ id: made.id })).data, { id: made.id });
  assert.equal((await activities.getActivity({ id: made.id })).data.is_deleted, true);
  const gone = await failure(activities.updateActivity({ id: made.id, AddActivityRequest: { done: false } }));
  assert.equal(gone.error, 'Activity not found');
});

test('person_id is read-only, and wrong values are named', async () => {
  const activities = api('ActivitiesApi', await credentials());
  const add = (AddActivityRequest) => failure(activities.addActivity({ AddActivityRequest }));
  const readOnly = await add({ subject: 'x', person_id: 1 });
  assert.equal(readOnly.code, 'ERR_BAD_REQUEST');
  assert.match(readOnly.error, /^'person_id' is a read-only field/);
  const time = await add({ subject: 'x', due_time: '9:00' });
  assert.equal(time.error, 'Validation failed: due_time: This value is not a valid datetime.');
  assert.equal((await add({ type: 'no_such_type' })).code, 'ERR_SCHEMA_VALIDATION_FAILED');
  assert.equal((await records('activities')).length, 0);
});

test('getActivities walks by cursor in three pages, and by updated_since', async () => {
  const activities = api('ActivitiesApi', await credentials());
  for (const subject of ['a', 'b', 'c', 'd', 'e']) {
    await activities.addActivity({ AddActivityRequest: { subject } });
  }
  const found = [];
  let cursor;
  let pages = 0;
  do {
    const page = await activities.getActivities({ limit: 2, sort_by: 'id', sort_direction: 'desc', cursor });
    found.push(...page.data.map((one) => one.subject));
    cursor = page.additional_data.next_cursor;
    pages += 1;
  } while (cursor);
  assert.equal(pages, 3);
  assert.deepEqual(found, ['e', 'd', 'c', 'b', 'a']);
  const since = new Date(Date.now() - 60_000).toISOString().replace(/\.\d+Z$/, 'Z');
  const changed = await activities.getActivities({ updated_since: since, sort_by: 'update_time', limit: 500 });
  assert.equal(changed.data.length, 5);
  const fraction = await failure(activities.getActivities({ updated_since: new Date().toISOString() }));
  assert.match(fraction.error, /updated_since: This value is not a valid datetime/);
});

test('deals: pipelines and stages, losing one, archiving it', async () => {
  const given = await credentials();
  const deals = api('DealsApi', given);
  const pipelines = await api('PipelinesApi', given).getPipelines();
  const stages = await api('StagesApi', given).getStages({ pipeline_id: pipelines.data[0].id });
  assert.equal(stages.data.length, 5);
  const AddDealRequest = { title: 'New', person_id: 1, org_id: 1, value: 10, currency: 'USD', stage_id: stages.data[1].id };
  const { data: deal } = await deals.addDeal({ AddDealRequest });
  assert.equal(deal.status, 'open');
  const lost = await deals.updateDeal({ id: deal.id, UpdateDealRequest: { status: 'lost', lost_reason: 'Price' } });
  assert.ok(lost.data.lost_time && lost.data.close_time);
  await deals.updateDeal({ id: deal.id, UpdateDealRequest: { is_archived: true } });
  assert.ok(!(await deals.getDeals()).data.some(({ id }) => id === deal.id));
  assert.equal((await deals.getArchivedDeals()).data[0].id, deal.id);
});

test('organizations and the item search, which never sees an activity', async () => {
  const given = await credentials();
  await settings({ search_lag_s: 0 });
  const organizations = api('OrganizationsApi', given);
  const { data: made } = await organizations.addOrganization({ AddOrganizationRequest: { name: 'Needle Works', website: 'https://needle.example' } });
  assert.equal((await organizations.getOrganization({ id: made.id })).data.website, 'https://needle.example');
  await api('ActivitiesApi', given).addActivity({ AddActivityRequest: { subject: 'Needle call' } });
  const { data } = await api('ItemSearchApi', given).searchItem({ term: 'needle' });
  assert.deepEqual(data.items.map(({ item }) => [item.type, item.id]), [['organization', made.id]]);
});

test('custom fields have hashes of their own, and are searched with case', async () => {
  const given = await credentials();
  await settings({ search_lag_s: 0 });
  const fields = api('DealFieldsApi', given);
  const { data: made } = await fields.addDealField({ AddDealFieldRequest: { field_name: 'Session', field_type: 'varchar' } });
  assert.match(made.field_code, /^[0-9a-f]{40}$/);
  assert.ok((await fields.getDealFields()).data.some(({ field_code }) => field_code === made.field_code));
  const deals = api('DealsApi', given);
  await deals.updateDeal({ id: 1, UpdateDealRequest: { custom_fields: { [made.field_code]: 'Ses_1' } } });
  const search = (term) =>
    api('ItemSearchApi', given).searchItemByField({ term, entity_type: 'deal', field: made.field_code, match: 'exact' });
  assert.equal((await search('Ses_1')).data.length, 1);
  assert.equal((await search('ses_1')).data.length, 0);
  const types = await api('ActivityFieldsApi', given).getActivityFields({ limit: 500 });
  assert.ok(types.data.every(({ is_custom_field }) => !is_custom_field));
});

test('v1: notes, users, activity types', async () => {
  const given = await credentials();
  const notes = old('NotesApi', given);
  const { data: note } = await notes.addNote({ AddNoteRequest: { content: 'Hi', deal_id: 1, pinned_to_deal_flag: 1 } });
  assert.equal(note.deal.title, 'Acme expansion');
  await notes.updateNote({ id: note.id, NoteRequest: { content: 'Bye' } });
  const listed = await notes.getNotes({ deal_id: 1, sort: 'add_time DESC' });
  assert.equal(listed.data[0].content, 'Bye');
  assert.equal(listed.additional_data.pagination.more_items_in_collection, false);
  assert.equal((await notes.deleteNote({ id: note.id })).data, true);
  assert.equal((await failure(notes.addNote({ AddNoteRequest: { content: 'Nowhere' } }))).success, false);
  const users = old('UsersApi', given);
  assert.equal((await users.getUsers()).data.length, 2);
  assert.equal((await users.findUsersByName({ term: 'rafael' })).data.length, 1);
  const types = await old('ActivityTypesApi', given).getActivityTypes();
  assert.ok(types.data.some(({ key_string }) => key_string === 'task'));
});

test('v1: webhooks are registered with https alone', async () => {
  const webhooks = old('WebhooksApi', await credentials());
  const AddWebhookRequest = {
    subscription_url: 'https://hub.example/x', event_action: '*', event_object: 'person', name: 'hub', version: '2.0',
  };
  const { data } = await webhooks.addWebhook({ AddWebhookRequest });
  assert.equal((await webhooks.getWebhooks()).data[0].id, data.id);
  const plain = await failure(webhooks.addWebhook({ AddWebhookRequest: { ...AddWebhookRequest, subscription_url: 'http://hub.example' } }));
  assert.deepEqual(plain.errors.subscription_url, ['invalid or non-reachable URL']);
  await webhooks.deleteWebhook({ id: data.id });
  assert.deepEqual((await webhooks.getWebhooks()).data, []);
});

test('the budget of the day is the company\'s; what is spent is spent for every token', async () => {
  const given = await credentials();
  await settings({ daily_tokens: 25 });
  await find(api('PersonsApi', given), 'ada@acme.example');
  const activities = await personal('ActivitiesApi');
  await activities.addActivity({ AddActivityRequest: { subject: 'Last' } });
  for (const calls of [activities, api('ActivitiesApi', given)]) {
    assert.equal((await failure(calls.addActivity({ AddActivityRequest: { subject: 'One more' } }))).errorCode, 429);
  }
  assert.equal((await records('activities')).length, 1);
});

test('a missing scope is a 403, a page of HTML is no body', async () => {
  await settings({ scopes: ['base', 'contacts:read'] });
  const given = await credentials();
  assert.equal((await failure(api('ActivitiesApi', given).addActivity({ AddActivityRequest: {} }))).error, 'Scope and URL mismatch');
  assert.ok((await api('PersonsApi', given).getPersons()).success);
  await fault({ fault: 'cloudflare' });
  assert.match(String(await failure(api('PersonsApi', given).getPersons())), /Access denied/);
});

run('pipedrive');
