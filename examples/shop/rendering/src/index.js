// The receipt printer of the shop.

const WIDTH = 32;

/** An amount as people read it. Amounts are u64 in WIT, so they are BigInt here. */
function money(cents) {
  return `${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`;
}

function row(left, right) {
  return left + right.padStart(WIDTH - left.length);
}

export const receipts = {
  render(title, quotes) {
    const rows = quotes.map(({ line, eachCents, totalCents }) =>
      row(`${line.quantity} x ${line.article} @ ${money(eachCents)}`, money(totalCents)),
    );
    const total = quotes.reduce((sum, quote) => sum + quote.totalCents, 0n);
    return [title, '='.repeat(WIDTH), ...rows, '-'.repeat(WIDTH), row('total', money(total)), ''].join('\n');
  },
};
