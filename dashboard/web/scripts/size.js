// Fails when the page's JavaScript is larger than its budget (gzipped).
// First route: the entry, what it imports, the overview with what it imports, and the larger dictionary.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const FIRST_ROUTE_KB = 60;
const ALL_KB = 150;
const FIRST_PAGE = 'src/pages/Fleet.svelte';

const dist = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const manifest = JSON.parse(readFileSync(join(dist, '.vite', 'manifest.json'), 'utf8'));

const gzipped = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;

function withImports(key, seen = new Set()) {
  const chunk = manifest[key];
  if (!chunk) throw new Error(`${key} is not in the manifest: build first`);
  if (seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const imported of chunk.imports ?? []) withImports(imported, seen);
  return seen;
}

const dictionaries = Object.values(manifest).filter((chunk) => chunk.src?.match(/src\/i18n\/(zh-CN|en)\.ts$/));
if (dictionaries.length !== 2) throw new Error('the two dictionaries must be chunks of their own');
const dictionary = dictionaries.map((chunk) => chunk.file).sort((a, b) => gzipped(b) - gzipped(a))[0];

const first = withImports(FIRST_PAGE, withImports('index.html'));
first.add(dictionary);
const all = readdirSync(join(dist, 'assets')).filter((file) => file.endsWith('.js')).map((file) => join('assets', file));

const kb = (files) => [...files].reduce((sum, file) => sum + gzipped(file), 0) / 1024;
const sums = [
  ['first route', kb(first), FIRST_ROUTE_KB],
  ['all', kb(all), ALL_KB],
];
for (const [name, size, budget] of sums) console.log(`${name}: ${size.toFixed(1)} KB of ${budget} KB gzipped`);
if (sums.some(([, size, budget]) => size > budget)) process.exit(1);
