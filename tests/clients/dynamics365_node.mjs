// dynamics-web-api for Node against the fake Dynamics 365.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { DynamicsWebApi } from 'dynamics-web-api';
import { base, credentials, failure, fault, records, requests, run, sandbox, test } from './harness.mjs';

async function connect(more = {}) {
  const given = await credentials();
  return new DynamicsWebApi({
    serverUrl: base,
    dataApi: { version: '9.2' },
    onTokenRefresh: async () => given.access_token,
    ...more,
  });
}

const meeting = (subject, more = {}) => ({
  subject,
  scheduledstart: '2026-11-20T15:00:00Z',
  scheduledend: '2026-11-20T15:45:00Z',
  ...more,
});
const one = async (client, collection, filter, select) => {
  const found = await client.retrieveMultiple({ collection, filter, select });
  assert.equal(found.value.length, 1, `${collection} ${filter}`);
  return found.value[0];
};
const contact = async (client, email) => (await one(client, 'contacts', `emailaddress1 eq '${email}'`, ['contactid'])).contactid;
const account = async (client, name) => (await one(client, 'accounts', `name eq '${name}'`, ['accountid'])).accountid;

test('WhoAmI and RetrieveVersion say who calls', async () => {
  const client = await connect();
  const who = await client.callFunction('WhoAmI');
  const given = await credentials();
  assert.equal(who.OrganizationId, given.account);
  assert.match((await client.callFunction('RetrieveVersion')).Version, /^9\.2\./);
  const user = await client.retrieve({ collection: 'systemusers', key: who.UserId, select: ['internalemailaddress'] });
  assert.equal(user.internalemailaddress, 'olivia@liveprompt.example');
});

test('a record is created, read, changed and deleted', async () => {
  const client = await connect();
  const id = await client.create({ collection: 'contacts', data: { firstname: 'Zoe', lastname: 'Quill', emailaddress1: 'zoe@acme.example' } });
  assert.match(id, /^[0-9a-f-]{36}$/);
  const read = await client.retrieve({ collection: 'contacts', key: id, select: ['fullname', 'statecode'], includeAnnotations: '*' });
  assert.equal(read.fullname, 'Zoe Quill');
  assert.equal(read.statecode_Formatted, 'Active');
  const changed = await client.update({ collection: 'contacts', key: id, data: { jobtitle: 'CEO' }, returnRepresentation: true, select: ['jobtitle'] });
  assert.equal(changed.jobtitle, 'CEO');
  await client.updateSingleProperty({ collection: 'contacts', key: id, fieldValuePair: { jobtitle: 'CTO' } });
  assert.equal((await client.retrieve({ collection: 'contacts', key: id })).jobtitle, 'CTO');
  await client.deleteRecord({ collection: 'contacts', key: id, fieldName: 'jobtitle' });
  assert.equal((await client.retrieve({ collection: 'contacts', key: id })).jobtitle, null);
  await client.deleteRecord({ collection: 'contacts', key: id });
  const gone = await failure(client.retrieve({ collection: 'contacts', key: id }));
  assert.deepEqual([gone.status, gone.code], [404, '0x80040217']);
});

test('an id of our own is taken once; If-None-Match tells', async () => {
  const client = await connect();
  const key = randomUUID();
  await client.upsert({ collection: 'appointments', key, data: meeting('Discovery'), ifnonematch: '*' });
  const again = await client.upsert({ collection: 'appointments', key, data: meeting('Older'), ifnonematch: '*', returnRepresentation: true });
  assert.equal(again, null, 'the library swallows the 412');
  const made = await client.upsert({ collection: 'appointments', key: randomUUID(), data: meeting('Other'), returnRepresentation: true });
  assert.equal(made.subject, 'Other');
  assert.deepEqual((await records('appointments')).map((row) => row.subject).sort(), ['Discovery', 'Other']);
  const twin = await failure(client.create({ collection: 'tasks', data: { activityid: key, subject: 'x' } }));
  assert.deepEqual([twin.status, twin.code], [412, '0x80040237']);
});

test('a version that is old is refused, one that is current is not read again', async () => {
  const client = await connect();
  const made = await client.create({ collection: 'accounts', data: { name: 'Umbrella' }, returnRepresentation: true });
  const etag = made['@odata.etag'];
  const same = await client.retrieve({ collection: 'accounts', key: made.accountid, ifnonematch: etag });
  assert.equal(same ?? null, null, 'the library swallows the 304');
  await client.update({ collection: 'accounts', key: made.accountid, data: { revenue: 5 }, ifmatch: etag });
  const stale = await client.update({ collection: 'accounts', key: made.accountid, data: { revenue: 6 }, ifmatch: etag });
  assert.equal(stale, false, 'the library swallows the 412');
  assert.equal((await client.retrieve({ collection: 'accounts', key: made.accountid })).revenue, 5);
  const nobody = await client.upsert({ collection: 'accounts', key: randomUUID(), data: { name: 'x' }, ifmatch: '*' });
  assert.ok(!nobody);
});

test('a meeting has its people and what it is about, and is completed in a second step', async () => {
  const client = await connect();
  const [ada, acme] = [await contact(client, 'ada@acme.example'), await account(client, 'Acme Corp')];
  const key = randomUUID();
  const data = meeting('Discovery', {
    'regardingobjectid_account_appointment@odata.bind': `accounts(${acme})`,
    appointment_activity_parties: [{ participationtypemask: 5, 'partyid_contact@odata.bind': `contacts(${ada})` }],
  });
  await client.upsert({ collection: 'appointments', key, data });
  const read = await client.retrieve({
    collection: 'appointments',
    key,
    select: ['_regardingobjectid_value', 'scheduleddurationminutes'],
    expand: [{ property: 'appointment_activity_parties', select: ['participationtypemask', '_partyid_value'], filter: 'participationtypemask eq 5' }],
    includeAnnotations: '*',
  });
  assert.equal(read.scheduleddurationminutes, 45);
  assert.equal(read._regardingobjectid_value_Formatted, 'Acme Corp');
  assert.equal(read._regardingobjectid_value_LogicalName, 'account');
  assert.deepEqual(read.appointment_activity_parties.map((party) => party._partyid_value), [ada]);
  await client.update({ collection: 'appointments', key, data: { statecode: 1, statuscode: 3 } });
  const closed = await failure(client.update({ collection: 'appointments', key, data: { subject: 'Later' } }));
  assert.equal(closed.status, 400);
  await client.update({ collection: 'appointments', key, data: { statecode: 3, statuscode: 5 } });
  await client.update({ collection: 'appointments', key, data: { subject: 'Later' } });
});

test('pages are followed to the end', async () => {
  const client = await connect();
  const first = await client.retrieveMultiple({ collection: 'contacts', select: ['fullname'], orderBy: ['fullname asc'], maxPageSize: 2, count: true });
  assert.equal(first.value.length, 2);
  assert.equal(first.oDataCount, 6);
  assert.ok(first.oDataNextLink.startsWith(base));
  const second = await client.retrieveMultiple({ collection: 'contacts', maxPageSize: 2 }, first.oDataNextLink);
  assert.equal(second.value.length, 2);
  const all = await client.retrieveAll({ collection: 'contacts', select: ['fullname'], maxPageSize: 1 });
  assert.equal(all.value.length, 6);
  assert.equal(await client.count({ collection: 'contacts' }), 6);
  assert.equal(await client.count({ collection: 'contacts', filter: "contains(emailaddress1,'acme')" }), 2);
});

test('a filter takes any address that people have', async () => {
  const client = await connect();
  const email = "o'neil+a&b#c%d@acme.example";
  const id = await client.create({ collection: 'contacts', data: { lastname: "O'Neil", emailaddress2: email } });
  const filter = `emailaddress1 eq '${email.replaceAll("'", "''")}' or emailaddress2 eq '${email.replaceAll("'", "''")}'`;
  assert.equal((await one(client, 'contacts', filter, ['contactid'])).contactid, id);
});

test('records are related and parted', async () => {
  const client = await connect();
  const [ada, globex] = [await contact(client, 'ada@acme.example'), await account(client, 'Globex')];
  await client.associateSingleValued({ collection: 'contacts', primaryKey: ada, navigationProperty: 'parentcustomerid_account', relatedCollection: 'accounts', relatedKey: globex });
  const of = async () => (await client.retrieve({ collection: 'contacts', key: ada }))._parentcustomerid_value;
  assert.equal(await of(), globex);
  await client.disassociateSingleValued({ collection: 'contacts', primaryKey: ada, navigationProperty: 'parentcustomerid_account' });
  assert.equal(await of(), null);
  const relation = { collection: 'accounts', primaryKey: globex, relationshipName: 'contact_customer_accounts', relatedCollection: 'contacts', relatedKey: ada };
  await client.associate(relation);
  assert.equal(await of(), globex);
  await client.disassociate({ collection: 'accounts', primaryKey: globex, relationshipName: 'contact_customer_accounts', relatedKey: ada });
  assert.equal(await of(), null);
});

test('a batch answers each request, reads included', async () => {
  const client = await connect();
  client.startBatch();
  client.retrieveMultiple({ collection: 'contacts', select: ['fullname'], top: 1 });
  client.create({ collection: 'tasks', data: { subject: 'a' } });
  client.create({ collection: 'tasks', data: { subject: 'b' } });
  client.retrieve({ collection: 'accounts', key: randomUUID() });
  const error = await failure(client.executeBatch());
  assert.ok([error].flat().some((one) => one.status === 404), JSON.stringify(error));
  client.startBatch();
  client.retrieveMultiple({ collection: 'tasks', select: ['subject'] });
  client.create({ collection: 'tasks', data: { subject: 'c' } });
  const [list, id] = await client.executeBatch();
  assert.equal(list.value.length, 2, 'the change set before was written');
  assert.match(id, /^[0-9a-f-]{36}$/);
});

test('a change set is written whole or not at all, and refers to itself', async () => {
  const client = await connect();
  client.startBatch();
  client.create({ collection: 'accounts', data: { name: 'Umbrella' }, contentId: '1' });
  client.create({ collection: 'contacts', data: { lastname: 'Wesker', 'parentcustomerid_account@odata.bind': '$1' } });
  await client.executeBatch();
  const wesker = await one(client, 'contacts', "lastname eq 'Wesker'", ['_parentcustomerid_value']);
  assert.equal(wesker._parentcustomerid_value, await account(client, 'Umbrella'));
  client.startBatch();
  client.create({ collection: 'tasks', data: { subject: 'a' } });
  client.create({ collection: 'tasks', data: { subject: 'x'.repeat(201) } });
  await failure(client.executeBatch());
  assert.deepEqual(await records('tasks'), []);
});

test('with continue-on-error the rest of a batch is written', async () => {
  const client = await connect();
  client.startBatch();
  client.create({ collection: 'tasks', data: { subject: 'x'.repeat(201) }, inChangeSet: false });
  client.create({ collection: 'tasks', data: { subject: 'b' }, inChangeSet: false });
  await client.executeBatch({ continueOnError: true }).catch(() => {});
  assert.deepEqual((await records('tasks')).map((row) => row.subject), ['b']);
});

test('metadata has lengths, options and requirement levels', async () => {
  const client = await connect();
  const tables = await client.retrieveEntities({ select: ['LogicalName', 'EntitySetName'], filter: "LogicalName eq 'appointment'" });
  assert.equal(tables.value[0].EntitySetName, 'appointments');
  const entityKey = "LogicalName='appointment'";
  const columns = await client.retrieveAttributes({ entityKey, castType: 'Microsoft.Dynamics.CRM.StringAttributeMetadata', select: ['LogicalName', 'MaxLength'] });
  assert.equal(columns.value.find((column) => column.LogicalName === 'subject').MaxLength, 200);
  const status = await client.retrieveAttribute({ entityKey, attributeKey: "LogicalName='statuscode'", castType: 'Microsoft.Dynamics.CRM.StatusAttributeMetadata', expand: [{ property: 'OptionSet' }] }).catch(async () => {
    const all = await client.retrieveAttributes({ entityKey, castType: 'Microsoft.Dynamics.CRM.StatusAttributeMetadata', expand: [{ property: 'OptionSet' }] });
    return all.value[0];
  });
  assert.equal(status.OptionSet.Options.length, 6);
});

test('a column of a customer is made and written', async () => {
  const client = await connect();
  const made = await client.createAttribute({
    entityKey: "LogicalName='appointment'",
    data: {
      '@odata.type': 'Microsoft.Dynamics.CRM.StringAttributeMetadata',
      AttributeType: 'String',
      SchemaName: 'hub_SessionId',
      MaxLength: 100,
      DisplayName: { LocalizedLabels: [{ Label: 'Session id', LanguageCode: 1033 }] },
    },
  });
  assert.ok(made);
  const id = await client.create({ collection: 'appointments', data: meeting('a', { hub_sessionid: 'ses_1' }) });
  assert.equal((await client.retrieve({ collection: 'appointments', key: id })).hub_sessionid, 'ses_1');
});

test('an opportunity is won by its action', async () => {
  const client = await connect();
  const { opportunityid } = await one(client, 'opportunities', "name eq 'Acme expansion'", ['opportunityid']);
  const close = { '@odata.type': 'Microsoft.Dynamics.CRM.opportunityclose', subject: 'Won', 'opportunityid@odata.bind': `opportunities(${opportunityid})` };
  await client.callAction({ actionName: 'WinOpportunity', action: { Status: 3, OpportunityClose: close } });
  assert.equal((await client.retrieve({ collection: 'opportunities', key: opportunityid })).statecode, 1);
});

test('service protection is a 429 with Retry-After, which grows', async () => {
  const client = await connect();
  const waits = [];
  for (const [name, code] of [['rate_limit', '0x80072322'], ['daily_limit', '0x80072321'], ['concurrency_limit', '0x80072326']]) {
    await fault({ fault: name });
    const error = await failure(client.retrieveMultiple({ collection: 'contacts' }));
    assert.deepEqual([error.status, error.code], [429, code]);
    waits.push(Number(error.headers['retry-after']));
  }
  assert.deepEqual(waits, [10, 20, 40]);
  assert.equal((await client.retrieveMultiple({ collection: 'contacts' })).value.length, 6);
});

test('errors have status, code and message', async () => {
  const client = await connect();
  const long = await failure(client.create({ collection: 'tasks', data: { subject: 'x'.repeat(201) } }));
  assert.deepEqual([long.status, long.code], [400, '0x80044331']);
  assert.match(long.message, /maximum allowed length of '200'/);
  await fault({ fault: 'missing_privilege' });
  assert.equal((await failure(client.retrieveMultiple({ collection: 'contacts' }))).code, '0x80040220');
  await sandbox('POST', 'settings', { sales: false });
  const leads = await failure(client.retrieveMultiple({ collection: 'leads' }));
  assert.deepEqual([leads.status, leads.message], [404, "Resource not found for the segment 'leads'."]);
  await fault({ fault: 'expire_access_token' });
  assert.equal((await failure(client.retrieveMultiple({ collection: 'contacts' }))).status, 401);
});

test('duplicates are looked for only if asked', async () => {
  const client = await connect();
  const twin = { lastname: 'Twin', emailaddress1: 'ada@acme.example' };
  await client.create({ collection: 'contacts', data: twin });
  const error = await failure(client.create({ collection: 'contacts', data: twin, duplicateDetection: true }));
  assert.equal(error.code, '0x80040333');
  assert.ok((await requests()).length >= 2);
});

run('dynamics-web-api');
