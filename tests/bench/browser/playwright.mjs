// The work of browser_bench by playwright-core on the same browser: figures as
// JSON on stdout. Arguments: program, URL of the page, seconds per phase.
import {readFileSync, readdirSync} from 'node:fs';
import {chromium} from 'playwright-core';

const [program, url, seconds] = process.argv.slice(2);
const phase_ms = Number(seconds) * 1000;
const browser = await chromium.launch(
  {executablePath: program, headless: true, args: ['--no-sandbox']});
const viewport = {width: 1280, height: 720};

const median = (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)];
const timed = async (work) => {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
};

// As many as fit into a phase, by `lanes` at once; per second.
const rate = async (lanes, make) => {
  const due = performance.now() + phase_ms;
  const begun = performance.now();
  let done = 0;
  await Promise.all(Array.from({length: lanes}, async () => {
    const {work, end} = await make();
    while (performance.now() < due) {
      await work();
      ++done;
    }
    await end();
  }));
  return done / ((performance.now() - begun) / 1000);
};

const open = async () => {
  const context = await browser.newContext({viewport});
  return {context, page: await context.newPage()};
};

// Memory of all processes below this one, shared pages divided.
const pss_mb = () => {
  const parents = new Map();
  for (const name of readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(
        stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {}
  }
  const below = (pid) => {
    for (let at = parents.get(pid); at; at = parents.get(at))
      if (at === process.pid)
        return true;
    return false;
  };
  let kb = 0;
  for (const pid of parents.keys()) {
    if (!below(pid))
      continue;
    try {
      kb += Number(/^Pss:\s+(\d+)/m.exec(
        readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);
    } catch {}
  }
  return kb / 1024;
};

const out = {};
await (await open()).context.close();
{
  const all = [];
  for (let i = 0; i < 20; ++i) {
    let made;
    all.push(await timed(async () => { made = await open(); }));
    await made.context.close();
  }
  out.open_ms = median(all);
}
{
  // What each after the first adds.
  const made = [];
  const add = async () => {
    made.push(await open());
    await made.at(-1).page.goto(url);
  };
  const settled = async () => {
    await new Promise((done) => setTimeout(done, 2000));
    return pss_mb();
  };
  await add();
  const before = await settled();
  for (let i = 0; i < 8; ++i)
    await add();
  out.session_mb = (await settled() - before) / 8;
  for (const {context} of made)
    await context.close();
}
for (const lanes of [1, 4]) {
  out[`full_${lanes}`] = await rate(lanes, async () => ({
    work: async () => {
      const {context, page} = await open();
      await page.goto(url);
      await page.innerText('body');
      await page.screenshot();
      await context.close();
    },
    end: async () => {},
  }));
}
for (const lanes of [1, 4, 8]) {
  out[`load_${lanes}`] = await rate(lanes, async () => {
    const {context, page} = await open();
    return {
      work: async () => {
        await page.goto(url);
        await page.innerText('body');
      },
      end: () => context.close(),
    };
  });
}
{
  const {context, page} = await open();
  await page.goto(url);
  const all = [];
  for (let i = 0; i < 500; ++i)
    all.push(await timed(() => page.evaluate('1 + 1')));
  out.evaluate_ms = median(all);
  await context.close();
}
await browser.close();
console.log(JSON.stringify(out));
