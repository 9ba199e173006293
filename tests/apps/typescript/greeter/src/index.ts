import { shout } from 'shout';
import { word } from './words.js';

export const greetings = {
  greet(name: string): string {
    return shout(`${word} ${name}`);
  },
};
