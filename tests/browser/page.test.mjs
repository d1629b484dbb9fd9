// The page as people use it: real hub, broker and gate units, a real browser.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, launch, openPage, overflowing } from './browser.mjs';
import { startDemo, until } from './demo.mjs';

const SITE = 'binjiang';
const PATHS = ['/', `/sites/${SITE}`, '/alerts', `/charts?site=${SITE}&metric=passages&lane=people&range=24h`, '/wall'];
let demo;
let browser;

before(async () => {
  demo = await startDemo('--history', '3d');
  browser = await launch();
  await demo.caughtUp();
});

after(async () => {
  await browser?.close();
  assert.equal(await demo?.stop(), 0, 'the demo ends well');
});

/** What the page shows live, without what changes by the second and what it asks for now and then. */
function figures(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll('main h3, main .figures .value, main .rounds dd, main td:nth-child(2)')]
      .filter((element) => !element.closest('.figures-of-site'))
      .map((element) => element.textContent.trim().replace(/\s+/g, ' ')),
  );
}

/** Waits until the page shows what a fresh load shows. */
async function sameAsFresh(page, url) {
  const fresh = await openPage(browser, url);
  await fresh.waitForSelector('article.card');
  await until('the page shows what a fresh load shows', async () => {
    const [here, there] = [await figures(page), await figures(fresh)];
    return here.length > 10 && JSON.stringify(here) === JSON.stringify(there);
  });
  await fresh.context().close();
}

test('a feverish person is on the page at once, and whoever acknowledges is seen by all', async () => {
  const url = `${demo.origin}/sites/${SITE}`;
  const [mine, theirs] = [await openPage(browser, url), await openPage(browser, url)];
  await mine.waitForSelector('#lane-people');
  const before = (await demo.api(`sites/${SITE}`)).lanes.find((lane) => lane.id === 'people');

  await demo.press('feverish', SITE);
  for (const page of [mine, theirs]) {
    await page.getByText('Suspected fever, measure again').first().waitFor({ timeout: 60_000 });
  }
  // The guard keeps a feverish person out: screened, suspected, and not passed.
  await until('the lane shows what the hub counted', async () => {
    const shown = await mine.locator('article:has(#lane-people) .figures .value').allTextContents();
    const facts = await mine.locator('article:has(#lane-people) .facts').textContent();
    const lane = (await demo.api(`sites/${SITE}`)).lanes.find((lane) => lane.id === 'people');
    return (
      lane.fevers === before.fevers + 1 &&
      lane.screened > before.screened &&
      facts.includes(lane.screened.toLocaleString('en')) &&
      shown.map((text) => Number(text.replaceAll(/\D/g, ''))).join() === [lane.in, lane.out].join()
    );
  });

  await mine.locator('.todo-row--now [data-acknowledge]').first().click();
  const { alerts } = await until('the hub has it', async () => {
    const answer = await demo.api(`alerts?site=${SITE}&kind=fever_suspected&state=acknowledged`);
    return answer.alerts.length > 0 && answer;
  });
  assert.equal(alerts[0].acknowledged_by, 'operator');
  for (const page of [mine, theirs]) {
    await until('the other page shows it in hand', async () => (await page.locator('.todo').textContent()).includes('In hand'));
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
});

test('an alert is worked on in a sheet: assigned, measured again, resolved', async () => {
  const url = `${demo.origin}/alerts?site=${SITE}`;
  const page = await openPage(browser, url);
  await demo.press('feverish', SITE);
  const row = page.locator('.todo-row', { hasText: 'Suspected fever' }).first();
  await row.waitFor({ timeout: 60_000 });
  await row.locator('[data-more]').click();
  const sheet = page.locator('dialog[open]');
  await sheet.waitFor();
  assert.deepEqual(await axe(page), [], 'the sheet');
  await sheet.locator('[data-act]').selectOption('assign');
  await sheet.locator('[data-to]').fill('Li');
  await sheet.locator('[data-do]').click();
  const alert = await until('the hub knows whose it is', async () => {
    const { alerts } = await demo.api(`alerts?site=${SITE}&kind=fever_suspected&state=acknowledged`);
    return alerts.find((alert) => alert.assigned_to === 'Li');
  });
  await sheet.locator('[data-act]').selectOption('remeasure');
  assert.ok(await sheet.locator('[data-do]').isDisabled(), 'a temperature must be said');
  await sheet.locator('[data-clinical]').fill('36.6');
  await sheet.locator('[data-do]').click();
  await until('the episode has the reading', async () => {
    const { episodes } = await demo.api(`sites/${SITE}/episodes`);
    return episodes.some((episode) => episode.alert === alert.id && episode.clinical[0]?.clinical_c === 36.6);
  });
  await sheet.locator('[data-act]').selectOption('resolve');
  await sheet.locator('[data-outcome]').selectOption('remeasured_normal');
  await sheet.locator('[data-do]').click();
  await until('it is over', async () => (await demo.api(`alerts/${alert.id}`)).outcome === 'remeasured_normal');
  await until('the sheet says so', async () => (await sheet.textContent()).includes('Resolved'));
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('what people record of a site is in its record', async () => {
  const page = await openPage(browser, `${demo.origin}/sites/${SITE}`);
  await page.locator('[data-record]').click();
  const sheet = page.locator('dialog[open]');
  await sheet.waitFor();
  assert.deepEqual(await axe(page), [], 'the sheet');
  await sheet.locator('[data-count]').fill('37');
  await sheet.locator('[data-do]').click();
  await until('the roll-call is kept', async () => {
    const { roll_calls } = await demo.api(`sites/${SITE}/roll-calls`);
    return roll_calls[0]?.counted === 37;
  });
  await until('the sheet says so', async () => (await sheet.locator('[data-outcome-text]').textContent()).includes('recorded'));
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('the figures that the hub keeps of a site are on its page', async () => {
  const page = await openPage(browser, `${demo.origin}/sites/${SITE}`);
  const rows = (caption) => page.locator('.figures-of-site table', { has: page.getByText(caption, { exact: true }) }).locator('tbody tr');
  await until('what the hub says', async () => {
    const [{ compliance }, isolation, { throughput }] = await Promise.all(
      ['compliance', 'isolation', 'throughput'].map((what) => demo.api(`sites/${SITE}/${what}`)),
    );
    const [rounds, days, lanes] = await Promise.all(
      ['Rounds by month', 'Isolation register', 'Pace of the lanes'].map((caption) => rows(caption).count()),
    );
    const months = new Set(compliance.map((row) => row.month)).size;
    const site = compliance.filter((row) => row.zone === null).at(-1);
    const shown = await rows('Rounds by month').first().locator('td').allTextContents();
    return (
      months <= 2 && rounds === compliance.length && lanes === throughput.length && days === Math.min(isolation.days.length, 7) &&
      Number(shown[2].replaceAll(/\D/g, '')) === site.done &&
      (await page.locator('.figures-of-site').textContent()).includes(`there ${isolation.present}`)
    );
  });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('who is told is on the page, and the way there can be tried', async () => {
  const url = `${demo.origin}/sites/${SITE}`;
  const page = await openPage(browser, url);
  const told = page.locator('.told-of-site');
  await told.getByText('Nobody is told of what is wrong here').waitFor();
  demo.settle(SITE, '[[recipient]]\nname = "guard"\nchannel = "group"\nlanguage = "en"\nleast = "major"\nafter_min = 10\n');
  const row = told.locator('tbody tr', { hasText: 'guard' });
  await row.getByText('Major and above, after 10 min without an answer').waitFor();
  await row.getByRole('button', { name: 'Send a test to guard' }).click();
  // No channel of that name is configured: that is what the page says of the message.
  await row.getByText('no channel of that name').waitFor();
  assert.match(await row.textContent(), /Test · waiting/);
  const [message] = (await demo.api('outbox')).messages;
  assert.deepEqual([message.recipient, message.said], ['guard', 'test']);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('a killed hub loses nothing and the page catches up by itself', async () => {
  const url = `${demo.origin}/sites/${SITE}`;
  const page = await openPage(browser, url);
  await page.waitForSelector('#lane-people');
  await demo.press('kill_hub');
  await until('the hub is back', () => demo.api('sites'));
  await demo.press('feverish', SITE);
  await sameAsFresh(page, url);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('a hub that says nothing is noticed, and the figures say of when they are', async () => {
  const page = await openPage(browser, `${demo.origin}/sites/${SITE}`);
  await page.waitForSelector('#lane-people');
  const { hub_pid } = demo.state();
  process.kill(hub_pid, 'SIGSTOP');
  try {
    await page.locator('.banner').waitFor({ timeout: 40_000 });
    assert.match(await page.locator('.banner').textContent(), /Disconnected from the server for .*; figures stand at \d\d:\d\d:\d\d/);
  } finally {
    process.kill(hub_pid, 'SIGCONT');
  }
  await page.locator('.banner').waitFor({ state: 'detached', timeout: 60_000 });
  await sameAsFresh(page, `${demo.origin}/sites/${SITE}`);
  await page.context().close();
});

test('a silent unit grows late, stale and offline, and comes back', async () => {
  const page = await openPage(browser, `${demo.origin}/sites/${SITE}`);
  const card = page.locator('article:has(#lane-people)');
  await card.waitFor();
  await demo.press('unplug', SITE, 'gate-1');
  const seen = new Set();
  await until(
    'offline',
    async () => {
      const state = /card--(\w+)/.exec(await card.getAttribute('class'))[1];
      seen.add(state);
      return state === 'offline';
    },
    90_000,
  );
  assert.ok(seen.has('late') && seen.has('stale'), [...seen].join());
  assert.deepEqual(await card.locator('.figures .value').allTextContents().then((all) => all.map((text) => text.trim())), ['—', '—']);
  await page.getByText('gate-1').first().waitFor();
  await demo.press('replug', SITE, 'gate-1');
  await until('fresh again', async () => /card--fresh/.test(await card.getAttribute('class')), 60_000);
  await sameAsFresh(page, `${demo.origin}/sites/${SITE}`);
  await page.context().close();
});

/** What shows that a route has its data. */
const FILLED = 'article.card, table, .chart, .todo, figure, .wall-frame table';

test('every page fits every screen, in both languages', async () => {
  for (const lang of ['zh', 'en']) {
    for (const path of PATHS) {
      const page = await openPage(browser, demo.origin + path, { lang });
      await page.waitForSelector(FILLED);
      for (const [width, height] of [[320, 700], [390, 844], [768, 1024], [1366, 768], [1920, 1080], [3840, 2160]]) {
        if (path === '/wall' && width < 1366) continue;
        await page.setViewportSize({ width, height });
        await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
        assert.deepEqual(await overflowing(page), [], `${path} at ${width} in ${lang}`);
      }
      assert.deepEqual(page.complaints, [], `${path} in ${lang}`);
      await page.context().close();
    }
  }
});

test('nothing that a person could not read, see or reach', async () => {
  for (const lang of ['zh', 'en']) {
    for (const theme of ['light', 'dark']) {
      for (const path of PATHS) {
        const page = await openPage(browser, demo.origin + path, { lang, theme });
        await page.waitForSelector(FILLED);
        assert.deepEqual(await axe(page), [], `${path} ${lang} ${theme}`);
        await page.context().close();
      }
    }
  }
});

test('English is complete, and times are the site\'s wherever the reader is', async () => {
  const page = await openPage(browser, `${demo.origin}/sites/${SITE}`);
  await page.waitForSelector('#lane-people');
  const foreign = await page.evaluate(() => {
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const { textContent, parentElement } = walk.currentNode;
      if (/\p{Script=Han}/u.test(textContent) && !parentElement.closest('[lang=zh], noscript')) found.push(textContent.trim());
    }
    return found;
  });
  assert.deepEqual(foreign, []);
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  const head = await page.locator('.page-head').textContent();
  assert.match(head, /UTC\+8/);
  const shanghai = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit' });
  const minutes = [Date.now() - 60_000, Date.now(), Date.now() + 60_000].map((at) => shanghai.format(at));
  assert.ok(minutes.some((minute) => head.includes(minute)), `${head} has none of ${minutes}`);

  await page.getByRole('button', { name: '中' }).first().click();
  await until('Chinese without a reload', async () => (await page.evaluate(() => document.documentElement.lang)) === 'zh-CN');
  await page.getByText('人行通道').first().waitFor();
  await page.context().close();
});
