// @zohocrm/nodejs-sdk-8.0 against the fake Zoho CRM: tokens, records, the search, queries and fields.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zoho from '@zohocrm/nodejs-sdk-8.0';
import { base, credentials, failure, fault, records, requests, run, sandbox, test } from './harness.mjs';

const { Coql, Fields, Modules, Org, Record, Users } = zoho;
const settings = (body) => sandbox('POST', 'settings', body);

// The library keeps tokens and fields in files; each case has its own.
async function start(given, { grant, pickLists = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'zoho-'));
  const file = join(folder, 'tokens.txt');
  writeFileSync(file, '');
  const token = new zoho.OAuthBuilder().clientId(given.client_id).clientSecret(given.client_secret);
  if (grant) {
    token.grantToken(grant).redirectURL(given.redirect_uri);
  } else {
    token.refreshToken(given.refresh_token);
  }
  const logger = new zoho.LogBuilder().level(zoho.Levels.OFF).filePath(join(folder, 'log.txt')).build();
  const config = new zoho.SDKConfigBuilder().autoRefreshFields(true).pickListValidation(pickLists).build();
  // What one case left would be asked for its user by the next.
  zoho.Initializer.LOCAL.clear();
  zoho.Initializer.initializer = undefined;
  // Its constructor answers later.
  const builder = await new zoho.InitializeBuilder();
  await builder
    .environment(zoho.DataCenter.setEnvironment(base, `${base}/oauth/v2/token`, base))
    .token(token.build())
    .store(new zoho.FileStore(file))
    .SDKConfig(config)
    .logger(logger)
    .resourcePath(folder)
    .initialize();
}

const begun = async (options) => start(await credentials(), options);

function record(values) {
  const one = new Record.Record();
  for (const [name, value] of Object.entries(values)) {
    one.addKeyValue(name, value);
  }
  return one;
}

function body(...rows) {
  const request = new Record.BodyWrapper();
  request.setData(rows.map((row) => (row instanceof Record.Record ? row : record(row))));
  return request;
}

// The rows of an answer: their codes, and what they say of a record.
function rows(response) {
  const wrapper = response.getObject();
  assert.ok(wrapper instanceof Record.ActionWrapper, `${response.getStatusCode()}: ${wrapper?.constructor?.name}`);
  return wrapper.getData().map((row) => ({
    good: row instanceof Record.SuccessResponse,
    code: row.getCode().getValue(),
    details: row.getDetails(),
    row,
  }));
}

const id = (row) => BigInt(row.details.get('id'));
const linked = (wanted) => {
  const link = new Record.Record();
  link.setId(BigInt(wanted));
  return link;
};
const make = async (module, ...all) => {
  const response = await new Record.RecordOperations(module).createRecords(body(...all));
  return { status: response.getStatusCode(), rows: rows(response) };
};
const meeting = (key) => ({
  Event_Title: 'Discovery',
  Start_DateTime: new Date('2026-11-20T15:00:00Z'),
  End_DateTime: new Date('2026-11-20T15:45:00Z'),
  Liveprompt_Key: key,
});

async function query(text) {
  const request = new Coql.BodyWrapper();
  request.setSelectQuery(text);
  return new Coql.CoqlOperations().getRecords(request);
}

const contact = async (email) => (await records('Contacts')).find((one) => one.Email === email);

test('a refresh token is sent as a multipart form, and the org is read before anything else', async () => {
  await begun();
  const response = await new Org.OrgOperations().getOrganization();
  assert.equal(response.getObject().getOrg()[0].getZgid(), (await credentials()).account);
  const sent = (await requests()).map((one) => one.path_and_query);
  assert.ok(sent.includes('/oauth/v2/token'));
});

test('a code is exchanged at the accounts server, once', async () => {
  const given = await credentials();
  const page = new URL(`${base}/oauth/v2/auth`);
  const scope = 'ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.READ,ZohoCRM.org.READ';
  const asked = { response_type: 'code', client_id: given.client_id, redirect_uri: given.redirect_uri, scope, access_type: 'offline', prompt: 'consent', __sandbox_consent: 'allow' };
  page.search = new URLSearchParams(asked);
  const back = new URL((await fetch(page, { redirect: 'manual' })).headers.get('location')).searchParams;
  assert.equal(back.get('accounts-server'), base);
  await start(given, { grant: back.get('code') });
  assert.equal((await new Users.UsersOperations().getUsers()).getStatusCode(), 200);
  const used = await failure(start(given, { grant: back.get('code') }));
  assert.match(String(used), /invalid_code/);
});

test('an error of the token endpoint comes with status 200', async () => {
  const wrong = await failure(start({ ...(await credentials()), refresh_token: '1000.nothing.nothing' }));
  assert.match(String(wrong), /invalid_code/);
});

test('createRecords makes a meeting that reads back as it was written', async () => {
  await begun();
  const made = await make('Events', meeting('ses_1'));
  assert.equal(made.status, 201);
  assert.equal(made.rows[0].code, 'SUCCESS');
  const found = await new Record.RecordOperations('Events').getRecord(id(made.rows[0]));
  const event = found.getObject().getData()[0];
  assert.equal(event.getKeyValue('Event_Title'), 'Discovery');
  assert.equal(event.getKeyValue('Start_DateTime').toISOString(), '2026-11-20T15:00:00.000Z');
  assert.equal(event.getCreatedBy().getName(), 'Olivia Admin');
});

test('createRecords links a meeting to a contact and an account', async () => {
  await begun();
  const ada = await contact('ada@acme.example');
  const event = record(meeting('ses_1'));
  event.addKeyValue('Who_Id', linked(ada.id));
  event.addKeyValue('What_Id', linked(ada.Account_Name.id));
  event.addKeyValue('$se_module', 'Accounts');
  const made = await make('Events', event);
  assert.equal(made.rows[0].code, 'SUCCESS');
  const [held] = await records('Events');
  assert.equal(held.Who_Id.name, 'Ada Moreno');
  assert.equal(held.What_Id.name, 'Acme Corp');
});

test('a key that is taken is DUPLICATE_DATA and names the record that has it, among others that are made', async () => {
  await begun();
  const first = await make('Events', meeting('ses_1'));
  const second = await make('Events', meeting('ses_1'), meeting('ses_2'));
  assert.equal(second.status, 207);
  const [refused, good] = second.rows;
  assert.equal(refused.code, 'DUPLICATE_DATA');
  assert.ok(refused.row instanceof Record.APIException);
  assert.equal(refused.details.get('api_name'), 'Liveprompt_Key');
  assert.equal(id(refused), id(first.rows[0]));
  assert.ok(good.good);
  assert.equal((await records('Events')).length, 2);
});

test('updateRecords changes what is named, by id', async () => {
  await begun();
  const made = await make('Tasks', { Subject: 'Send pricing', Status: new zoho.Choice('Not Started'), Due_Date: new Date('2026-11-27') });
  const change = record({ Status: new zoho.Choice('Completed') });
  change.setId(id(made.rows[0]));
  const response = await new Record.RecordOperations('Tasks').updateRecords(body(change));
  assert.equal(response.getStatusCode(), 200);
  const [task] = await records('Tasks');
  assert.deepEqual([task.Status, task.Due_Date, task.Subject], ['Completed', '2026-11-27', 'Send pricing']);
  const gone = record({ Subject: 'x' });
  gone.setId(1n);
  const refused = rows(await new Record.RecordOperations('Tasks').updateRecords(body(gone)));
  assert.equal(refused[0].code, 'INVALID_DATA');
  assert.equal(refused[0].details.get('api_name'), 'id');
});

test('a call knows its length', async () => {
  await begun();
  const call = { Subject: 'Check-in', Call_Type: new zoho.Choice('Outbound'), Call_Start_Time: new Date('2026-11-20T15:00:00Z'), Call_Duration: '45:01' };
  assert.equal((await make('Calls', call)).rows[0].code, 'SUCCESS');
  assert.equal((await records('Calls'))[0].Call_Duration_in_seconds, 2701);
});

test('upsertRecords finds a contact by the address, and meetings have none', async () => {
  await begun();
  const upsert = (module, row) => {
    const request = body(row);
    request.setDuplicateCheckFields(['Email']);
    return new Record.RecordOperations(module).upsertRecords(request);
  };
  const [found] = rows(await upsert('Contacts', { Last_Name: 'Moreno', Email: 'ada@acme.example' }));
  assert.equal(found.row.getAction().getValue(), 'update');
  const [made] = rows(await upsert('Contacts', { Last_Name: 'New', Email: 'new@acme.example' }));
  assert.equal(made.row.getAction().getValue(), 'insert');
  const none = await upsert('Events', meeting('ses_1'));
  assert.ok(none.getObject() instanceof Record.APIException);
  assert.equal(none.getObject().getCode().getValue(), 'NOT_SUPPORTED');
});

test('getRecords gives pages, and nothing as a 204', async () => {
  await begun();
  const page = async (token) => {
    const wanted = new zoho.ParameterMap();
    await wanted.add(Record.GetRecordsParam.FIELDS, 'Last_Name,Email');
    await wanted.add(Record.GetRecordsParam.PER_PAGE, 4);
    if (token) {
      await wanted.add(Record.GetRecordsParam.PAGE_TOKEN, token);
    }
    return new Record.RecordOperations('Contacts').getRecords(wanted);
  };
  const first = (await page()).getObject();
  assert.equal(first.getData().length, 4);
  assert.equal(first.getInfo().getMoreRecords(), true);
  const second = (await page(first.getInfo().getNextPageToken())).getObject();
  assert.equal(second.getData().length, 2);
  assert.equal(second.getInfo().getMoreRecords(), false);
  const fields = new zoho.ParameterMap();
  await fields.add(Record.GetRecordsParam.FIELDS, 'Subject');
  assert.equal((await new Record.RecordOperations('Calls').getRecords(fields)).getStatusCode(), 204);
});

test('searchRecords sees a contact later, a query at once', async () => {
  await begun();
  await settings({ search_lag_s: 600 });
  await make('Contacts', { Last_Name: 'New', Email: 'new@acme.example' });
  const search = async () => {
    const wanted = new zoho.ParameterMap();
    await wanted.add(Record.SearchRecordsParam.EMAIL, 'new@acme.example');
    return new Record.RecordOperations('Contacts').searchRecords(wanted);
  };
  assert.equal((await search()).getStatusCode(), 204);
  const found = await query("select Last_Name, Account_Name from Contacts where Email = 'new@acme.example'");
  assert.equal(found.getObject().getData()[0].getKeyValue('Last_Name'), 'New');
  await settings({ search_lag_s: 0 });
  assert.equal((await search()).getObject().getData().length, 1);
});

test('a query for a field that nobody made is refused', async () => {
  await begun();
  await settings({ key_field: 'missing' });
  const refused = (await query("select id from Events where Liveprompt_Key = 'x'")).getObject();
  assert.ok(refused instanceof Coql.APIException);
  assert.equal(refused.getCode().getValue(), 'INVALID_QUERY');
  assert.equal((await query("select id from Events where Event_Title = 'x'")).getStatusCode(), 204);
});

test('deleteRecords moves records into the bin', async () => {
  await begun();
  const made = await make('Tasks', { Subject: 'a' }, { Subject: 'b' });
  const ids = new zoho.ParameterMap();
  await ids.add(Record.DeleteRecordsParam.IDS, made.rows.map((row) => id(row)).join(','));
  const gone = rows(await new Record.RecordOperations('Tasks').deleteRecords(ids));
  assert.deepEqual(gone.map(({ code }) => code), ['SUCCESS', 'SUCCESS']);
  assert.equal((await records('Tasks')).length, 0);
});

test('getFields and getModules describe the org', async () => {
  await begun();
  const wanted = new zoho.ParameterMap();
  await wanted.add(Fields.GetFieldsParam.MODULE, 'Events');
  const fields = (await new Fields.FieldsOperations().getFields(wanted)).getObject().getFields();
  const field = (name) => fields.find((one) => one.getAPIName() === name);
  assert.equal(field('Event_Title').getLength(), 255);
  assert.equal(field('Liveprompt_Key').getCustomField(), true);
  const modules = (await new Modules.ModulesOperations().getModules()).getObject().getModules();
  assert.ok(modules.some((module) => module.getAPIName() === 'Events'));
});

test('101 records are too many, and 100 are not', async () => {
  await begun();
  const tasks = (many) => Array.from({ length: many }, (_, number) => ({ Subject: `Task ${number}` }));
  assert.equal((await make('Tasks', ...tasks(100))).rows.length, 100);
  const over = await new Record.RecordOperations('Tasks').createRecords(body(...tasks(101)));
  assert.ok(over.getObject() instanceof Record.APIException);
  assert.equal(over.getObject().getCode().getValue(), 'INVALID_DATA');
});

test('too many calls are TOO_MANY_REQUESTS, and an expired token INVALID_TOKEN', async () => {
  await begun();
  await query("select id from Events where Event_Title = 'x'");
  for (const [name, code, status] of [['concurrency_limit', 'TOO_MANY_REQUESTS', 429], ['expire_access_token', 'INVALID_TOKEN', 401]]) {
    await fault({ fault: name });
    const refused = await query("select id from Events where Event_Title = 'x'");
    assert.equal(refused.getStatusCode(), status);
    assert.equal(refused.getObject().getCode().getValue(), code);
  }
});

await run('@zohocrm/nodejs-sdk-8.0');
