// Finds syntax errors, with their places, in a module and in all that it imports by relative path:
// StarlingMonkey only says that there are some.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { SourceTextModule } from 'node:vm';

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
  const name = relative(root, path);
  let module;
  try {
    module = new SourceTextModule(readFileSync(path, 'utf8'), { identifier: name });
  } catch (error) {
    // The stack begins with FILE:LINE, the line, a mark under it, and the message.
    return complain(String(error.stack).split('\n    at ')[0]);
  }
  const requests = module.moduleRequests?.map((request) => request.specifier) ?? module.dependencySpecifiers;
  for (const specifier of requests.filter((specifier) => /^\.\.?\//.test(specifier))) {
    const target = resolve(dirname(path), specifier);
    if (existsSync(target) && statSync(target).isFile()) check(target);
    else if (!process.argv.includes('--bundled')) complain(`${name} imports '${specifier}', which is not a file`);
  }
}

check(resolve(process.argv[2]));
process.exitCode = wrong ? 1 : 0;
