// Finds syntax errors, with their places, in a module and in all that it imports by relative path:
// StarlingMonkey only says that there are some.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { SourceTextModule } from 'node:vm';

// node check.mjs ENTRY PLACE [--bundled]: PLACE is where the project stands in the app.
const [, , entry, place, bundled] = process.argv;
const root = process.cwd();
const seen = new Set();
let wrong = 0;

function complain(text) {
  console.error(text);
  wrong += 1;
}

function check(path) {
  if (seen.has(path)) return;
  seen.add(path);
  const name = join(place, relative(root, path));
  const input = readFileSync(path, 'utf8');
  let module;
  try {
    module = new SourceTextModule(input, { identifier: name });
  } catch {
    // Only Node's command line says FILE:LINE, the line and a mark under it.
    const checked = spawnSync(process.execPath, ['--input-type=module', '--check'], { input, encoding: 'utf8' });
    return complain(checked.stderr.split('\n    at ')[0].replace('[stdin]', name));
  }
  const requests = module.moduleRequests?.map((request) => request.specifier) ?? module.dependencySpecifiers;
  for (const specifier of requests.filter((specifier) => /^\.\.?\//.test(specifier))) {
    const target = resolve(dirname(path), specifier);
    if (existsSync(target) && statSync(target).isFile()) check(target);
    else if (!bundled) complain(`${name} imports '${specifier}', which is not a file`);
  }
}

check(resolve(entry));
process.exitCode = wrong ? 1 : 0;
