// Cases of one client library: each has a name that says what the CRM does, and runs by itself.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export const base = process.env.CLIENTS_BASE_URL;
const ONE_CASE_MS = 60_000;
const cases = [];

export function test(name, run) {
  cases.push({ name, run });
}

// What the sandbox itself offers, beside the CRM.
export async function sandbox(method, path, body) {
  const answer = await fetch(`${base}/__sandbox/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

export const credentials = () => sandbox('GET', 'credentials');
export const fault = (body) => sandbox('POST', 'faults', body);
export const requests = () => sandbox('GET', 'requests').then((list) => list.requests ?? list);
export const records = async (object) => (await sandbox('GET', 'state')).objects[object];

// The error a promise ends with; it has to end with one.
export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail('it went well');
}

function version(library) {
  const require = createRequire(import.meta.url);
  const folder = require.resolve.paths(library).map((path) => `${path}/${library}/package.json`);
  for (const path of folder) {
    try {
      return JSON.parse(readFileSync(path, 'utf8')).version;
    } catch {}
  }
  return 'unknown';
}

export async function run(library) {
  let passed = 0;
  const only = process.env.CLIENTS_ONLY;
  const wanted = cases.filter(({ name }) => !only || name.includes(only));
  for (const { name, run } of wanted) {
    await sandbox('POST', 'reset');
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('took too long')), ONE_CASE_MS);
    });
    try {
      await Promise.race([run(), late]);
      passed += 1;
    } catch (error) {
      console.log(`FAILED ${library}: ${name}\n${error?.stack ?? error}`);
    } finally {
      clearTimeout(timer);
    }
  }
  console.log(`${library} ${version(library)}: ${wanted.length} cases, ${passed} passed`);
  process.exit(passed === wanted.length ? 0 : 1);
}
