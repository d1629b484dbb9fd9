import { expect, test } from 'vitest';
import { ApiError } from '../api/client.ts';
import { Once, type Request } from './once.ts';

const form = { act: 'entry', lane: 'people' };

/** A hub that answers as it is told, and what it was sent. */
function hub(...answers: (null | ApiError)[]) {
  const sent: { request: Request; key: string }[] = [];
  const take = (request: Request, key: string): Promise<null> => {
    sent.push({ request, key });
    const answer = answers[sent.length - 1] ?? null;
    return answer ? Promise.reject(answer) : Promise.resolve(null);
  };
  return { sent, take };
}

let made = 0;
const make = () => ({ path: '/sites/s/entries', body: { n: ++made } });
const lost = new ApiError('network', null);
const problem = (status: number) => new ApiError('code', { code: 'code', title: '', status });

test('the same form again after a lost answer is the same request', async () => {
  const once = new Once();
  const { sent, take } = hub(lost, problem(503), null, null);
  for (let n = 0; n < 4; n++) await once.send(form, make, take).catch(() => null);
  const keys = sent.map(({ key }) => key);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).toBe(keys[0]);
  expect(sent[2]?.request).toEqual(sent[0]?.request);
  // It was done: the same once more is another one.
  expect(keys[3]).not.toBe(keys[0]);
});

test('another form, and one that was refused, have keys of their own', async () => {
  const once = new Once();
  const { sent, take } = hub(lost, lost, problem(422), null);
  const forms = [form, { ...form, lane: 'yard' }, form, form];
  for (const one of forms) await once.send(one, make, take).catch(() => null);
  const keys = sent.map(({ key }) => key);
  expect(keys[1]).not.toBe(keys[0]);
  expect(keys[2]).toBe(keys[0]);
  expect(keys[3]).not.toBe(keys[0]);
});
