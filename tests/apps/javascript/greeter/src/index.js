import { word } from './words.js';

export const greetings = {
  greet(name) {
    return `${word} ${name}`;
  },
};
