// The component `{{name}}`.

export const {{api_camel}} = {
  greet(name) {
    const lines = [`Hello, ${name}, from {{name}}!`];
    // jointer: calls of added parts stand above this line
    return lines.join('\n');
  },
};
