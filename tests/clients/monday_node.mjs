// @mondaydotcomorg/api against the fake monday.com: its own operations, documents of ours, errors within a 200.
import assert from 'node:assert/strict';
import { ApiClient, ClientError } from '@mondaydotcomorg/api';
import { base, credentials, fault, records, requests, run, sandbox, test } from './harness.mjs';

const [CONTACTS, ACTIVITIES, TASKS] = ['18000000001', '18000000003', '18000000004'];
const settings = (body) => sandbox('POST', 'settings', body);
const client = async (more = {}) =>
  new ApiClient({ token: (await credentials()).access_token, endpoint: `${base}/v2`, apiVersion: '2026-10', ...more });
const code = (error) => error.response.errors[0].extensions.code;

async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof ClientError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'it was not refused' });
}

test('getMeOp says who the token belongs to', async () => {
  const { operations } = await client();
  const { me } = await operations.getMeOp();
  assert.equal(me.name, 'Olivia Admin');
});

test('a personal token is sent raw, with the version and the type', async () => {
  const api = await client({ token: (await credentials()).api_key });
  await api.request('{ account { slug } }');
  const last = (await requests()).at(-1);
  assert.equal(last.path_and_query, '/v2');
  const wrong = await refused((await client({ token: 'no' })).request('{ me { id } }'));
  assert.equal(wrong.response.status, 401);
});

test('createItemOp and changeMultipleColumnValuesOp write an item', async () => {
  const { operations } = await client();
  const { create_item: made } = await operations.createItemOp({ boardId: TASKS, groupId: 'topics', itemName: 'Send pricing' });
  assert.equal(made.name, 'Send pricing');
  const columnValues = JSON.stringify({ status: { label: 'Done' }, due_date: { date: '2026-11-27' }, name: 'Send prices' });
  const { change_multiple_column_values: changed } = await operations.changeMultipleColumnValuesOp({ boardId: TASKS, itemId: made.id, columnValues });
  assert.equal(changed.name, 'Send prices');
  const value = (id) => JSON.parse(changed.column_values.find((one) => one.id === id).value);
  assert.deepEqual(value('status'), { index: 1 });
  assert.deepEqual(value('due_date'), { date: '2026-11-27' });
});

test('changeColumnValueOp takes JSON, changeSimpleColumnValueOp a text', async () => {
  const { operations } = await client();
  const { create_item: made } = await operations.createItemOp({ boardId: TASKS, groupId: 'topics', itemName: 'A' });
  await operations.changeColumnValueOp({ boardId: TASKS, itemId: made.id, columnId: 'status', value: JSON.stringify({ label: 'Stuck' }) });
  await operations.changeSimpleColumnValueOp({ boardId: TASKS, itemId: made.id, columnId: 'due_date', value: '2026-12-01' });
  const [held] = (await records('tasks')).filter(({ id }) => id === made.id);
  assert.equal(held.status, 'Stuck');
  assert.equal(held.due_date, '2026-12-01');
});

test('getBoardItemsOp and getBoardGroupsOp read a board', async () => {
  const { operations } = await client();
  const { boards } = await operations.getBoardItemsOp({ ids: [CONTACTS] });
  const names = boards[0].items_page.items.map(({ name }) => name);
  assert.ok(names.includes('Ada Moreno'));
  const groups = await operations.getBoardGroupsOp({ ids: [CONTACTS] });
  assert.equal(groups.boards[0].groups.length, 1);
});

test('an error within a 200 is thrown, and keeps what was made', async () => {
  const api = await client();
  const document = 'mutation { good: create_item(board_id: 18000000004, item_name: "A") { id } bad: create_item(board_id: 1, item_name: "B") { id } }';
  const error = await refused(api.request(document));
  assert.equal(error.response.status, 200);
  assert.equal(code(error), 'InvalidBoardIdException');
  assert.deepEqual(error.response.errors[0].path, ['bad']);
  assert.ok(error.response.data.good.id);
  assert.equal(error.response.data.bad, null);
});

test('rawRequest tells headers and extensions', async () => {
  const api = await client();
  const { data, headers, extensions, status } = await api.rawRequest('{ complexity { before after query } }');
  assert.equal(status, 200);
  assert.equal(data.complexity.before - data.complexity.after, data.complexity.query);
  assert.match(headers.get('ratelimit'), /"minuteRate";r=\d+/);
  assert.ok(extensions.request_id);
});

test('a column that takes no such value is named', async () => {
  const api = await client();
  const document = 'mutation($c: JSON) { create_item(board_id: 18000000004, item_name: "A", column_values: $c) { id } }';
  const error = await refused(api.request(document, { c: JSON.stringify({ status: { label: 'Nearly' } }) }));
  assert.equal(code(error), 'ColumnValueException');
  assert.equal(error.response.errors[0].extensions.error_data.column_id, 'status');
});

test('a contact is found by the address, with its account', async () => {
  const api = await client();
  const document = `query($b: ID!, $e: [String]!) { items_page_by_column_values(board_id: $b, limit: 25, columns: [{ column_id: "contact_email", column_values: $e }]) {
    cursor items { id name column_values(ids: ["contact_email", "contact_account"]) { id ... on EmailValue { email } ... on BoardRelationValue { linked_item_ids display_value } } } } }`;
  const { items_page_by_column_values: page } = await api.request(document, { b: CONTACTS, e: ['ada@acme.example'] });
  assert.equal(page.items[0].name, 'Ada Moreno');
  const [email, account] = page.items[0].column_values;
  assert.equal(email.email, 'ada@acme.example');
  assert.equal(account.display_value, 'Acme Corp');
});

test('the same Idempotency-Key is answered once made', async () => {
  const api = await client({ requestConfig: { headers: { 'Idempotency-Key': 'a-key' } } });
  const document = 'mutation { create_item(board_id: 18000000003, item_name: "Once") { id } }';
  const first = await api.rawRequest(document);
  const again = await api.rawRequest(document);
  assert.deepEqual(again.data, first.data);
  assert.equal(again.headers.get('idempotency-replayed'), 'true');
  assert.equal((await records('activities')).filter(({ name }) => name === 'Once').length, 1);
});

test('a key that is worked on is a 409', async () => {
  await fault({ fault: 'idempotency_conflict' });
  const error = await refused((await client()).request('mutation { create_item(board_id: 18000000003, item_name: "A") { id } }'));
  assert.equal(error.response.status, 409);
  assert.equal(code(error), 'IDEMPOTENCY_CONFLICT');
});

test('limits are told with a wait', async () => {
  await fault({ fault: 'complexity_limit' });
  const error = await refused((await client()).request('{ me { id } }'));
  assert.equal(error.response.status, 429);
  assert.equal(error.response.errors[0].extensions.retry_in_seconds, 7);
  await settings({ daily_calls: 0 });
  const spent = await refused((await client()).request('{ me { id } }'));
  assert.equal(code(spent), 'DAILY_LIMIT_EXCEEDED');
});

test('an update is written and edited, and an entry stands on a timeline', async () => {
  const api = await client();
  const { create_item: item } = await api.request(`mutation { create_item(board_id: ${ACTIVITIES}, item_name: "A") { id } }`);
  const { create_update: made } = await api.request('mutation($i: ID!) { create_update(item_id: $i, body: "<b>one</b>") { id } }', { i: item.id });
  await api.request('mutation($u: ID!) { edit_update(id: $u, body: "two") { id } }', { u: made.id });
  const { items } = await api.request('query($i: [ID!]) { items(ids: $i) { updates { id body } } }', { i: [item.id] });
  assert.deepEqual(items[0].updates, [{ id: made.id, body: 'two' }]);
  const document = 'mutation($i: ID!) { create_timeline_item(item_id: $i, custom_activity_id: "meeting_summary", title: "T", timestamp: "2026-11-20T15:00:00Z") { id } }';
  const entry = await api.request(document, { i: item.id });
  assert.ok(entry.create_timeline_item.id);
});

test('a scope that is missing is an error within a 200', async () => {
  await fault({ fault: 'missing_scopes' });
  const error = await refused((await client()).request('{ me { id } }'));
  assert.equal(error.response.status, 200);
  assert.equal(code(error), 'missingRequiredPermissions');
});

run('@mondaydotcomorg/api');
