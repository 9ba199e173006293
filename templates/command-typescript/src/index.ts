// The component `{{name}}`: a command.

import { getArguments } from 'wasi:cli/environment@0.2.12';

export const run = {
  run(): void {
    const [, name = 'world'] = getArguments();
    const lines = [`Hello, ${name}, from {{name}}!`];
    // jointer: calls of added parts stand above this line
    console.log(lines.join('\n'));
  },
};
