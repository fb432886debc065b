// jsforce against the fake Salesforce.
import assert from 'node:assert/strict';
import jsforce from 'jsforce';
import { base, credentials, failure, fault, records, requests, run, sandbox, test } from './harness.mjs';

const KEY = 'Liveprompt_Key__c';

const app = (given) => ({
  loginUrl: base,
  clientId: given.client_id,
  clientSecret: given.client_secret,
  redirectUri: given.redirect_uri,
});

// A connection that can refresh itself, as an installed app has it.
async function connect(more = {}) {
  const given = await credentials();
  const connection = new jsforce.Connection({
    oauth2: app(given),
    instanceUrl: given.instance_url,
    accessToken: given.access_token,
    refreshToken: given.refresh_token,
    version: '67.0',
    ...more,
  });
  return connection;
}

// The code that consent gives to the callback address.
async function consent(oauth2, more = {}) {
  const url = new URL(oauth2.getAuthorizationUrl({ scope: 'api refresh_token id', state: 'abc', ...more }));
  url.searchParams.set('__sandbox_consent', 'allow');
  const answer = await fetch(url, { redirect: 'manual' });
  assert.equal(answer.status, 302);
  const back = new URL(answer.headers.get('location'));
  assert.equal(back.searchParams.get('state'), 'abc');
  return back.searchParams.get('code');
}

test('authorize() exchanges a code with a verifier and asks no identity', async () => {
  const given = await credentials();
  const oauth2 = new jsforce.OAuth2({ ...app(given), useVerifier: true });
  const connection = new jsforce.Connection({ oauth2, version: '67.0' });
  const code = await consent(oauth2);
  const user = await connection.authorize(code);
  assert.match(user.id, /^005/);
  assert.match(user.organizationId, /^00D/);
  assert.equal(connection.instanceUrl, base);
  assert.ok(connection.refreshToken);
  assert.deepEqual((await requests()).map((one) => one.path_and_query.split('?')[0]), [
    '/services/oauth2/authorize',
    '/services/oauth2/token',
  ]);
  const again = await failure(connection.authorize(code));
  assert.equal(again.name, 'invalid_grant');
});

test('a wrong verifier, code or secret is an OAuth error by name', async () => {
  const given = await credentials();
  const oauth2 = new jsforce.OAuth2({ ...app(given), useVerifier: true });
  const code = await consent(oauth2);
  oauth2.codeVerifier = 'x'.repeat(64);
  const verifier = await failure(oauth2.requestToken(code));
  assert.equal(verifier.name, 'invalid_grant');
  assert.equal(verifier.message, 'invalid code verifier');
  const stranger = new jsforce.OAuth2({ ...app(given), clientSecret: 'no' });
  assert.equal((await failure(stranger.refreshToken(given.refresh_token))).name, 'invalid_client');
  assert.equal((await failure(stranger.requestToken({ grant_type: 'magic' }))).name, 'unsupported_grant_type');
});

test('client_credentials by authorize() gives a session without refresh token', async () => {
  const given = await credentials();
  const connection = new jsforce.Connection({ oauth2: app(given), version: '67.0' });
  await connection.authorize({ grant_type: 'client_credentials' });
  assert.equal(connection.refreshToken, undefined);
  assert.equal((await connection.query('SELECT Id FROM Account')).totalSize, 3);
});

test('an expired session is refreshed once for many calls, and the calls are repeated', async () => {
  const connection = await connect();
  const seen = [];
  connection.on('refresh', (accessToken, answer) => seen.push({ accessToken, answer }));
  await fault({ fault: 'expire_access_token' });
  const found = await Promise.all(
    ['Account', 'Contact', 'Lead', 'Opportunity'].map((name) => connection.sobject(name).count()),
  );
  assert.deepEqual(found, [3, 6, 2, 2]);
  assert.equal(seen.length, 1);
  assert.equal(connection.accessToken, seen[0].accessToken);
  assert.notEqual(seen[0].answer.refresh_token, undefined, 'rotation is on');
});

test('after a rotation the old refresh token is dead, as the library keeps it', async () => {
  const connection = await connect();
  for (const expected of ['fine', 'dead']) {
    await fault({ fault: 'expire_access_token' });
    const query = connection.query('SELECT Id FROM Contact');
    if (expected === 'fine') {
      assert.equal((await query).totalSize, 6);
    } else {
      assert.match((await failure(query)).message, /expired access\/refresh token/);
    }
  }
});

test('an app that stores the rotated token goes on', async () => {
  const connection = await connect();
  connection.on('refresh', (_, answer) => {
    connection.refreshToken = answer.refresh_token;
  });
  for (let round = 0; round < 3; round += 1) {
    await fault({ fault: 'expire_access_token' });
    assert.equal((await connection.query('SELECT Id FROM Contact')).totalSize, 6);
  }
});

test('a revoked approval cannot be refreshed', async () => {
  const connection = await connect();
  await fault({ fault: 'revoke_refresh_token' });
  const error = await failure(connection.query('SELECT Id FROM Contact'));
  assert.match(error.message, /Unable to refresh session due to: expired access\/refresh token/);
});

test('logout() revokes the session, logout(true) the approval', async () => {
  const given = await credentials();
  const connection = await connect();
  const { accessToken, refreshToken } = connection;
  await connection.logout();
  const bare = new jsforce.Connection({ instanceUrl: base, accessToken, version: '67.0' });
  assert.equal((await failure(bare.limits())).errorCode, 'INVALID_SESSION_ID');
  const oauth2 = new jsforce.OAuth2(app(given));
  await oauth2.refreshToken(refreshToken);
  const other = await connect();
  const second = other.refreshToken;
  await other.logout(true);
  assert.equal((await failure(oauth2.refreshToken(second))).name, 'invalid_grant');
  assert.equal((await failure(oauth2.revokeToken('nobody'))).name, 'invalid_token');
});

test('login() without an app is SOAP, up to version 64, and ends with a SOAP logout', async () => {
  const given = await credentials();
  const connection = new jsforce.Connection({ loginUrl: base, version: '50.0' });
  const user = await connection.login(given.username, given.password);
  assert.equal(user.id, given.user_id);
  assert.equal(user.organizationId, given.organization_id);
  assert.equal((await connection.query('SELECT Id FROM Lead')).totalSize, 2);
  const token = connection.accessToken;
  await connection.logout();
  const bare = new jsforce.Connection({ instanceUrl: base, accessToken: token, version: '50.0' });
  assert.equal((await failure(bare.query('SELECT Id FROM Lead'))).errorCode, 'INVALID_SESSION_ID');
  assert.match((await failure(connection.login(given.username, 'wrong'))).message, /^INVALID_LOGIN/);
  const modern = new jsforce.Connection({ loginUrl: base, version: '65.0' });
  assert.match((await failure(modern.login(given.username, given.password))).message, /UNSUPPORTED_API_VERSION/);
});

test('login() with an app is the password grant', async () => {
  const given = await credentials();
  const connection = new jsforce.Connection({ oauth2: app(given), version: '67.0' });
  assert.equal((await connection.login(given.username, given.password)).id, given.user_id);
  await fault({ fault: 'expire_access_token' });
  assert.equal(await connection.sobject('Account').count(), 3, 'it logs in again');
  assert.equal((await failure(connection.login(given.username, 'wrong'))).message, 'authentication failure');
});

test('identity() finds the address in the version resource', async () => {
  const given = await credentials();
  const connection = await connect();
  const who = await connection.identity();
  assert.equal(who.user_id, given.user_id);
  assert.equal(who.organization_id, given.organization_id);
  assert.equal(who.username, given.username);
  assert.equal(connection.userInfo.url, given.identity_url);
});

test('describe(), describeGlobal() and the cached describe$', async () => {
  const connection = await connect();
  const contact = await connection.sobject('Contact').describe();
  const field = (name) => contact.fields.find((one) => one.name === name);
  assert.equal(field('LastName').length, 80);
  assert.equal(field('LastName').nillable, false);
  assert.deepEqual(field('AccountId').referenceTo, ['Account']);
  assert.ok(field('Email').idLookup);
  assert.ok(field(KEY).externalId && field(KEY).unique);
  assert.ok(contact.childRelationships.some((child) => child.relationshipName === 'OpportunityContactRoles'));
  const all = await connection.describeGlobal();
  assert.ok(['Account', 'Event', 'Task'].every((name) => all.sobjects.some((one) => one.name === name)));
  const before = (await requests()).length;
  await connection.describe$('Task');
  await connection.describe$('Task');
  assert.equal((await requests()).length, before + 1);
  assert.equal((await failure(connection.describe('Nope'))).errorCode, 'NOT_FOUND');
});

test('create, retrieve, update and destroy one record', async () => {
  const connection = await connect();
  const made = await connection.sobject('Contact').create({ LastName: 'Vega', Email: 'vega@x.example' });
  assert.equal(made.success, true);
  const contact = await connection.sobject('Contact').retrieve(made.id);
  assert.equal(contact.attributes.type, 'Contact');
  assert.equal(contact.Email, 'vega@x.example');
  assert.match(contact.CreatedDate, /^\d{4}-\d\d-\d\dT[\d:.]+\+0000$/);
  const short = made.id.slice(0, 15);
  const changed = await connection.sobject('Contact').update({ Id: short, Title: 'CTO', Email: null });
  assert.equal(changed.success, true);
  const row = (await records('Contact')).find((one) => one.Id === made.id);
  assert.deepEqual([row.Title, row.Email ?? null], ['CTO', null]);
  await connection.sobject('Contact').destroy(made.id);
  assert.equal((await failure(connection.sobject('Contact').retrieve(made.id))).errorCode, 'ENTITY_IS_DELETED');
  assert.equal((await failure(connection.sobject('Contact').destroy(made.id))).errorCode, 'ENTITY_IS_DELETED');
});

test('a record that is refused is told by code and fields, and is not there', async () => {
  const connection = await connect();
  const contact = connection.sobject('Contact');
  const missing = await failure(contact.create({ FirstName: 'No' }));
  assert.equal(missing.errorCode, 'REQUIRED_FIELD_MISSING');
  assert.deepEqual(missing.data.fields, ['LastName']);
  const cases = [
    [{ LastName: 'x'.repeat(81) }, 'STRING_TOO_LONG'],
    [{ LastName: 'a', Email: 'no address' }, 'INVALID_EMAIL_ADDRESS'],
    [{ LastName: 'a', Nope: 1 }, 'INVALID_FIELD'],
    [{ LastName: 'a', AccountId: '001xx' }, 'MALFORMED_ID'],
    [{ LastName: 'a', CreatedById: '005000000000000' }, 'INVALID_FIELD_FOR_INSERT_UPDATE'],
  ];
  for (const [body, code] of cases) {
    assert.equal((await failure(contact.create(body))).errorCode, code, JSON.stringify(body));
  }
  assert.equal((await records('Contact')).length, 6);
  const stage = { Name: 'x', StageName: 'Nope', CloseDate: '2027-01-01' };
  const deal = await failure(connection.sobject('Opportunity').create(stage));
  assert.equal(deal.errorCode, 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST');
});

test('arrays are collections: a result for each, or all or none', async () => {
  const connection = await connect();
  const list = [{ Subject: 'one' }, { Subject: 'x'.repeat(256) }, { Subject: 'three' }];
  const mixed = await connection.sobject('Task').create(list);
  assert.deepEqual(mixed.map((one) => one.success), [true, false, true]);
  assert.equal(mixed[1].errors[0].statusCode, 'STRING_TOO_LONG');
  const none = await connection.sobject('Task').create(list, { allOrNone: true });
  assert.equal(none[0].errors[0].statusCode, 'ALL_OR_NONE_OPERATION_ROLLED_BACK');
  const ids = mixed.filter((one) => one.success).map((one) => one.id);
  const updated = await connection.sobject('Task').update(ids.map((Id) => ({ Id, Status: 'Completed' })));
  assert.ok(updated.every((one) => one.success));
  const read = await connection.sobject('Task').retrieve([...ids, '00T000000000000AAA'], { fields: ['Status'] });
  assert.deepEqual(read.map((one) => one?.Status ?? null), ['Completed', 'Completed', null]);
  const gone = await connection.sobject('Task').destroy(ids);
  assert.ok(gone.every((one) => one.success));
  assert.equal((await records('Task')).filter((one) => !one.IsDeleted).length, 0);
});

test('more than 200 records are refused at once and split with allowRecursive', async () => {
  const connection = await connect();
  const list = Array.from({ length: 450 }, (_, number) => ({ Subject: `task ${number}` }));
  const error = await failure(connection.sobject('Task').create(list));
  assert.equal(error.errorCode, 'EXCEEDED_ID_LIMIT');
  const before = (await requests()).length;
  const made = await connection.sobject('Task').create(list, { allowRecursive: true });
  assert.equal(made.filter((one) => one.success).length, 450);
  assert.equal((await requests()).length - before, 3);
});

test('upsert() creates once and updates after that', async () => {
  const connection = await connect();
  const event = {
    [KEY]: 'ses_1',
    Subject: 'Discovery',
    StartDateTime: '2026-11-20T15:00:00Z',
    EndDateTime: '2026-11-20T15:45:00Z',
  };
  const first = await connection.sobject('Event').upsert(event, KEY);
  assert.deepEqual([first.success, first.created], [true, true]);
  const second = await connection.sobject('Event').upsert({ ...event, Subject: 'Again' }, KEY);
  assert.deepEqual([second.id, second.created], [first.id, false]);
  const rows = (await records('Event')).filter((one) => one[KEY] === 'ses_1');
  assert.deepEqual(rows.map((one) => one.Subject), ['Again']);
  const old = await connect({ version: '45.0' });
  assert.equal((await old.sobject('Event').upsert(event, KEY)).success, true, '204 before version 46');
  assert.equal((await failure(connection.sobject('Event').upsert(event, 'Subject'))).errorCode, 'NOT_FOUND');
});

test('upsert() of an array is one call; twins in it both fail', async () => {
  const connection = await connect();
  const row = (key, Subject) => ({ [KEY]: key, Subject });
  const first = await connection.sobject('Task').upsert([row('a', '1'), row('b', '2')], KEY);
  assert.deepEqual(first.map((one) => one.created), [true, true]);
  const next = await connection.sobject('Task').upsert([row('b', '3'), row('c', '4')], KEY);
  assert.deepEqual(next.map((one) => one.created), [false, true]);
  const twins = await connection.sobject('Task').upsert([row('d', '5'), row('d', '6')], KEY);
  assert.ok(twins.every((one) => !one.success && one.errors[0].statusCode === 'DUPLICATE_VALUE'));
  assert.equal((await records('Task')).length, 3);
});

test('a value that two records have is MULTIPLE_CHOICES with their addresses', async () => {
  const connection = await connect();
  const error = await failure(
    connection.sobject('Contact').upsert({ Email: 'dup@initech.example', Title: 'x' }, 'Email'),
  );
  assert.equal(error.errorCode, 'MULTIPLE_CHOICES');
  assert.equal(error.data.length, 2);
  assert.match(error.data[0], /^\/services\/data\/v67\.0\/sobjects\/Contact\/003/);
});

test('query() pages: autoFetch, queryMore, batch sizes', async () => {
  const connection = await connect();
  for (let from = 0; from < 2600; from += 200) {
    const list = Array.from({ length: 200 }, (_, number) => ({ Subject: `page ${from + number}` }));
    await connection.sobject('Task').create(list);
  }
  const first = await connection.query('SELECT Id, Subject FROM Task');
  assert.deepEqual([first.totalSize, first.done, first.records.length], [2600, false, 2000]);
  const rest = await connection.queryMore(first.nextRecordsUrl);
  assert.deepEqual([rest.done, rest.records.length], [true, 600]);
  const all = await connection.query('SELECT Id FROM Task').execute({ autoFetch: true, maxFetch: 5000 });
  assert.equal(new Set(all.records.map((one) => one.Id)).size, 2600);
  const small = await connection.query('SELECT Id FROM Task', { headers: { 'Sforce-Query-Options': 'batchSize=200' } });
  assert.equal(small.records.length, 200);
  const error = await failure(connection.queryMore('01g000000000000AAA-2000'));
  assert.equal(error.errorCode, 'INVALID_QUERY_LOCATOR');
});

test('rows of a subquery come in pages of their own', async () => {
  const connection = await connect();
  const { id } = await connection.sobject('Account').create({ Name: 'Many' });
  for (let from = 0; from < 600; from += 200) {
    await connection.sobject('Contact').create(Array.from({ length: 200 }, (_, n) => ({ LastName: `c ${from + n}`, AccountId: id })));
  }
  const soql = `SELECT Id, (SELECT Id FROM Contacts) FROM Account WHERE Id = '${id}'`;
  const headers = { 'Sforce-Query-Options': 'batchSize=250' };
  const first = (await connection.request({ method: 'GET', url: `/query?q=${encodeURIComponent(soql)}`, headers })).records[0].Contacts;
  assert.deepEqual([first.totalSize, first.done, first.records.length], [600, false, 250]);
  const whole = await connection.query(soql, { autoFetch: true, headers });
  assert.equal(new Set(whole.records[0].Contacts.records.map((one) => one.Id)).size, 600);
});

test('find() builds conditions, order, limit, children', async () => {
  const connection = await connect();
  const contacts = await connection
    .sobject('Contact')
    .find({ Email: { $like: '%@acme.example' }, $or: [{ FirstName: 'Ada' }, { Title: { $ne: null } }] }, 'Id, FirstName, Account.Name')
    .sort({ FirstName: -1 })
    .limit(5);
  assert.deepEqual(contacts.map((one) => [one.FirstName, one.Account.Name]), [['Ben', 'Acme Corp'], ['Ada', 'Acme Corp']]);
  const accounts = await connection
    .sobject('Account')
    .select('Id, Name')
    .include('Contacts')
    .select('Id, LastName')
    .where("Email != 'nobody@x.example'")
    .end()
    .where({ Name: 'Acme Corp' });
  assert.equal(accounts[0].Contacts.records.length, 2);
  const whole = await connection.sobject('Account').findOne({ Name: 'Globex' });
  assert.equal(whole.Industry, 'Energy');
  const none = await connection.sobject('Contact').find({ LastName: "O'Hara" });
  assert.deepEqual(none, []);
  const today = await connection.sobject('Contact').find({ CreatedDate: { $gte: jsforce.Date.LAST_N_DAYS(30) } });
  assert.equal(today.length, 1);
});

test('an error of several parts, and the plan of a query', async () => {
  const connection = await connect();
  const plan = await connection.query("SELECT Id FROM Contact WHERE Email = 'ada@acme.example'").explain();
  assert.equal(plan.plans.length, 1);
  const body = [{ message: 'a', errorCode: 'A' }, { message: 'b', errorCode: 'B' }];
  await fault({ fault: 'status', status: 400, body });
  const error = await failure(connection.limits());
  assert.equal(error.errorCode, 'MULTIPLE_API_ERRORS');
  assert.deepEqual(error.data, body);
});

test('aggregates and groups', async () => {
  const connection = await connect();
  const grouped = await connection.query(
    'SELECT Account.Name, COUNT(Id) people FROM Contact WHERE AccountId != null GROUP BY Account.Name ' +
      'HAVING COUNT(Id) > 1 ORDER BY COUNT(Id) DESC, Account.Name',
  );
  assert.deepEqual(grouped.records.map((row) => [row.Name, row.people]), [['Initech', 3], ['Acme Corp', 2]]);
  assert.equal(grouped.records[0].attributes.type, 'AggregateResult');
  const sum = await connection.query('SELECT SUM(Amount), MAX(Amount) most FROM Opportunity');
  assert.deepEqual([sum.records[0].expr0, sum.records[0].most], [168000, 120000]);
  const wrong = await failure(connection.query('SELECT Name, COUNT(Id) FROM Contact GROUP BY Email'));
  assert.equal(wrong.errorCode, 'MALFORMED_QUERY');
});

test('a query that is wrong says where', async () => {
  const connection = await connect();
  const cases = [
    ['SELECT Nope FROM Contact', 'INVALID_FIELD'],
    ['SELECT Id FROM Nope', 'INVALID_TYPE'],
    ['SELECT Id FROM', 'MALFORMED_QUERY'],
    ["SELECT Id FROM Event WHERE Description = 'x'", 'INVALID_FIELD'],
  ];
  for (const [soql, code] of cases) {
    const error = await failure(connection.query(soql));
    assert.equal(error.errorCode, code, soql);
    assert.ok(error.message.length > 10);
  }
});

test('deleted records are seen by queryAll and deleted(), changed ones by updated()', async () => {
  const connection = await connect();
  const { id } = await connection.sobject('Task').create({ Subject: 'gone' });
  const kept = await connection.sobject('Task').create({ Subject: 'kept' });
  await connection.sobject('Task').destroy(id);
  assert.equal((await connection.query('SELECT Id FROM Task')).totalSize, 1);
  assert.equal((await connection.query('SELECT Id FROM Task', { scanAll: true })).totalSize, 2);
  const from = new Date(Date.now() - 3_600_000);
  const to = new Date(Date.now() + 3_600_000);
  const deleted = await connection.sobject('Task').deleted(from, to);
  assert.deepEqual(deleted.deletedRecords.map((one) => one.id), [id]);
  const updated = await connection.sobject('Task').updated(from, to);
  assert.deepEqual(updated.ids, [kept.id]);
  assert.ok(Date.parse(updated.latestDateCovered.replace('+0000', 'Z')) > 0);
});

test('recent(), limits(), limitInfo', async () => {
  const connection = await connect();
  const { id } = await connection.sobject('Account').create({ Name: 'Newest' });
  assert.equal((await connection.recent(3))[0].Id, id);
  assert.equal((await connection.sobject('Account').recent())[0].Id, id);
  const limits = await connection.limits();
  const { used, limit } = connection.limitInfo.apiUsage;
  assert.equal(limits.DailyApiRequests.Max, limit);
  assert.equal(limits.DailyApiRequests.Max - limits.DailyApiRequests.Remaining, used);
});

test('search() finds by SOSL', async () => {
  const connection = await connect();
  const found = await connection.search('FIND {ada} IN NAME FIELDS RETURNING Contact(Id, Email), Lead(Id)');
  assert.deepEqual(found.searchRecords.map((one) => one.Email), ['ada@acme.example']);
  assert.equal((await failure(connection.search('FIND nothing'))).errorCode, 'MALFORMED_SEARCH');
});

test('composite calls refer to earlier parts and roll back together', async () => {
  const connection = await connect();
  const part = (method, path, referenceId, body) => ({ method, url: `/services/data/v67.0${path}`, referenceId, body });
  const contact = (await connection.sobject('Contact').findOne({ FirstName: 'Ada' }, 'Id')).Id;
  const event = { Subject: 'Call', StartDateTime: '2026-11-20T15:00:00Z', DurationInMinutes: 30, WhoId: contact };
  const call = (task) =>
    connection.requestPost('/composite', {
      allOrNone: true,
      compositeRequest: [
        part('POST', '/sobjects/Event', 'event', event),
        part('POST', '/sobjects/Task', 'task', task),
        part('GET', '/sobjects/Event/@{event.id}?fields=Subject,WhoId', 'read'),
      ],
    });
  const done = (await call({ Subject: 'Send', WhoId: contact })).compositeResponse;
  assert.deepEqual(done.map((one) => one.httpStatusCode), [201, 201, 200]);
  assert.equal(done[2].body.WhoId, contact);
  const before = (await records('Event')).length;
  const failed = (await call({ Subject: 'x'.repeat(256) })).compositeResponse;
  assert.equal(failed[0].body[0].errorCode, 'PROCESSING_HALTED');
  assert.equal((await records('Event')).length, before);
});

test('composite graphs and batches', async () => {
  const connection = await connect();
  const node = (object, referenceId, body) => ({ method: 'POST', url: `/services/data/v67.0/sobjects/${object}`, referenceId, body });
  const graph = (graphId, name) => ({
    graphId,
    compositeRequest: [
      node('Account', 'account', { Name: name }),
      node('Contact', 'contact', { LastName: 'Graph', AccountId: '@{account.id}' }),
    ],
  });
  const { graphs } = await connection.requestPost('/composite/graph', {
    graphs: [graph('good', 'Graph Inc'), graph('bad', 'x'.repeat(300))],
  });
  assert.deepEqual(graphs.map((one) => [one.graphId, one.isSuccessful]), [['good', true], ['bad', false]]);
  assert.equal((await records('Contact')).filter((one) => one.LastName === 'Graph').length, 1);
  const batch = await connection.requestPost('/composite/batch', {
    batchRequests: [
      { method: 'GET', url: "v67.0/query/?q=SELECT+COUNT()+FROM+Account" },
      { method: 'GET', url: 'v67.0/sobjects/Account/001000000000000AAA' },
    ],
  });
  assert.equal(batch.hasErrors, true);
  assert.deepEqual(batch.results.map((one) => one.statusCode), [200, 404]);
});

test('several contacts of one event, by invitees and by list', async () => {
  const connection = await connect();
  const people = await connection.sobject('Contact').find({ Email: { $like: '%@acme.example' } }, 'Id').sort('FirstName');
  const ids = people.map((one) => one.Id);
  const { id } = await connection.sobject('Event').create({
    Subject: 'Two',
    StartDateTime: '2026-11-20T15:00:00Z',
    DurationInMinutes: 30,
    EventWhoIds: ids,
  });
  const relations = await connection.query(`SELECT RelationId FROM EventRelation WHERE EventId = '${id}'`);
  assert.deepEqual(relations.records.map((one) => one.RelationId).sort(), [...ids].sort());
});

test('a failed lock is told by code and the same upsert goes through later', async () => {
  const connection = await connect();
  await fault({ fault: 'lock_row', object: 'Task' });
  const task = { [KEY]: 'lock', Subject: 'x' };
  assert.equal((await failure(connection.sobject('Task').upsert(task, KEY))).errorCode, 'UNABLE_TO_LOCK_ROW');
  assert.equal((await connection.sobject('Task').upsert(task, KEY)).created, true);
  await fault({ fault: 'record_error', error_code: 'DUPLICATES_DETECTED', message: 'Use one of these records?' });
  const error = await failure(connection.sobject('Contact').create({ LastName: 'Twin' }));
  assert.equal(error.errorCode, 'DUPLICATES_DETECTED');
});

test('reads are repeated after 503, writes are not', async () => {
  const connection = await connect();
  await fault({ fault: 'service_unavailable', times: 2 });
  assert.equal(await connection.sobject('Account').count(), 3);
  await fault({ fault: 'service_unavailable' });
  const before = (await requests()).length;
  const error = await failure(connection.sobject('Account').create({ Name: 'x' }));
  assert.equal(error.errorCode, 'SERVER_UNAVAILABLE');
  assert.equal((await requests()).length, before + 1);
});

test('a connection that closes tells nothing about the write', async () => {
  const connection = await connect();
  const task = { [KEY]: 'dropped', Subject: 'x' };
  for (const [kind, left] of [['drop_before', 0], ['drop_after', 1]]) {
    await fault({ fault: kind, where: { method: 'PATCH' } });
    assert.match((await failure(connection.sobject('Task').upsert(task, KEY))).message, /fetch failed/);
    assert.equal((await records('Task')).length, left);
  }
  assert.equal((await connection.sobject('Task').upsert(task, KEY)).created, false);
});

test('limits are 403 REQUEST_LIMIT_EXCEEDED, and maintenance is a page of HTML', async () => {
  const connection = await connect();
  await fault({ fault: 'daily_limit' });
  const daily = await failure(connection.query('SELECT Id FROM Account'));
  assert.deepEqual([daily.errorCode, daily.message], ['REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.']);
  await fault({ fault: 'concurrency_limit' });
  assert.match((await failure(connection.limits())).message, /ConcurrentRequests/);
  await sandbox('POST', 'settings', { daily_limit: 0 });
  assert.equal((await failure(connection.limits())).errorCode, 'REQUEST_LIMIT_EXCEEDED');
  await sandbox('POST', 'settings', { daily_limit: 100000 });
  await fault({ fault: 'maintenance_html', times: 10 });
  const html = await failure(connection.sobject('Account').create({ Name: 'x' }));
  assert.equal(html.errorCode, 'ERROR_HTTP_503');
});

test('bulk2 loads a table and queries into one', async () => {
  const connection = await connect();
  connection.bulk2.pollInterval = 10;
  const input = [
    { LastName: 'Bulk 1', Email: 'bulk1@x.example' },
    { LastName: 'Bulk "2"', Email: 'no address' },
    { LastName: 'Bulk, 3', Email: '' },
  ];
  const done = await connection.bulk2.loadAndWaitForResults({ object: 'Contact', operation: 'insert', input });
  assert.deepEqual([done.successfulResults.length, done.failedResults.length], [2, 1]);
  assert.equal(done.successfulResults[0].sf__Created, 'true');
  assert.match(done.failedResults[0].sf__Error, /^INVALID_EMAIL_ADDRESS/);
  const stream = await connection.bulk2.query("SELECT Id, LastName, Account.Name FROM Contact WHERE LastName LIKE 'Bulk%'");
  const rows = await stream.toArray();
  assert.deepEqual(rows.map((row) => row.LastName).sort(), ['Bulk 1', 'Bulk, 3']);
  const ids = done.successfulResults.map((row) => ({ Id: row.sf__Id }));
  const gone = await connection.bulk2.loadAndWaitForResults({ object: 'Contact', operation: 'delete', input: ids });
  assert.equal(gone.successfulResults.length, 2);
  const wrong = await failure(connection.bulk2.loadAndWaitForResults({ object: 'Contact', operation: 'insert', input: [{ Nope: '1' }] }));
  assert.match(wrong.message, /InvalidBatch : Field name not found : Nope/);
});

test('destroy() and update() over a query', async () => {
  const connection = await connect();
  await connection.sobject('Task').create(Array.from({ length: 5 }, (_, n) => ({ Subject: `q ${n}` })));
  const tasks = () => connection.sobject('Task').find({ Subject: { $like: 'q %' } });
  const updated = await tasks().update({ Priority: 'High' });
  assert.ok(updated.every((one) => one.success));
  assert.ok((await records('Task')).every((one) => one.Priority === 'High'));
  assert.equal((await tasks().destroy()).length, 5);
  assert.equal(await connection.sobject('Task').count(), 0);
});

test('old versions answer, dead ones do not', async () => {
  const versions = await (await connect()).request('/services/data');
  assert.ok(versions.some((one) => one.version === '50.0'));
  assert.equal(await (await connect({ version: '50.0' })).sobject('Account').count(), 3);
  const dead = await failure((await connect({ version: '25.0' })).query('SELECT Id FROM Account'));
  assert.equal(dead.errorCode, 'UNSUPPORTED_API_VERSION');
});

await run('jsforce');
