import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { consolesOn } from '../../../node/firstboot/consoles.ts';
import type { Terminal } from '../../../node/firstboot/dialogue.ts';

interface Console extends Terminal {
  readonly input: PassThrough;
  printed(): string;
}

function console(name: string): Console {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let text = '';
  output.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return { name, input, output, interactive: false, printed: () => text };
}

const INVITATION = 'Press Enter';

test('the console where somebody presses Enter first is the one that is talked to, and the others are told', async () => {
  const [screen, serial] = [console('tty1'), console('ttyS0')];
  serial.input.write('\nblue\n');
  const answer = await consolesOn([screen, serial]).converse(INVITATION, (dialogue) => dialogue.ask({ text: 'Colour', read: (typed) => typed }));
  assert.equal(answer, 'blue');
  assert.match(screen.printed(), /Press Enter: [^]*being set up on ttyS0/);
  assert.match(serial.printed(), /Press Enter: Colour: /);
});

test('when a console is hung up in the middle, another one can begin anew', async () => {
  const [screen, serial] = [console('tty1'), console('ttyS0')];
  serial.input.end('\nblue\n');
  const answers: string[] = [];
  const result = consolesOn([screen, serial]).converse(INVITATION, async (dialogue) => {
    for (const text of ['Colour', 'Size']) answers.push(await dialogue.ask({ text, read: (typed) => typed }));
    return answers.join(' ');
  });
  screen.input.write('\nred\nbig\n');
  assert.match(await result, /red big$/);
});

test('a console that is none is passed over, and without any the end is said', async () => {
  const [broken, screen] = [console('ttyS0'), console('tty1')];
  broken.input.destroy(new Error('EIO'));
  screen.input.write('\n');
  assert.equal(await consolesOn([broken, screen]).converse(INVITATION, async () => 'there'), 'there');
  const other = console('ttyS1');
  other.input.end();
  await assert.rejects(consolesOn([other]).converse(INVITATION, async () => 'there'), { code: 'InstallAborted', message: /no console/ });
});

test('a conversation that fails is not begun again', async () => {
  const screen = console('tty1');
  screen.input.write('\n\n');
  await assert.rejects(consolesOn([screen]).converse(INVITATION, async () => Promise.reject(new Error('a mistake of ours'))), /a mistake of ours/);
});
