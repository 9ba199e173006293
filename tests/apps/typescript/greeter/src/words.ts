export const word: string = 'hello';
