// Makes a book (Rust), has it stamped and copied (Python) and reads what is in the copy (Rust).
import { Book } from 'acme:chain/ledger@0.1.0';
import { copied, stamp } from 'acme:chain/stamps@0.1.0';

export const report = {
  write(title) {
    const book = new Book(title);
    book.note({ author: 'javascript', text: 'began' });
    stamp(book);
    const copy = copied(book);
    copy.note({ author: 'javascript', text: 'ended' });
    return [copy.title(), ...copy.entries().map(({ author, text }) => `${author}: ${text}`)];
  },
};
