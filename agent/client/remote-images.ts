import type { Answer, Request } from '../../imgadm/cli/command.ts';
import type { Asked } from '../../imgadm/cli/perform.ts';
import { errorFrom, perform } from './call.ts';
import type { Transport } from './transport.ts';

/** What a command says while it is performed, in the order in which it says it. */
export type ImageNote = { readonly say: string } | { readonly warn: string } | { readonly progress: string };

/** Have an agent perform a command of imgadm; what it says is said here. @throws what the command throws */
export async function performByAgent(transport: Transport, { command, options, args }: Asked, { requestId, signal, say, warn, showProgress }: Pick<Request, 'requestId' | 'signal' | 'say' | 'warn' | 'showProgress'>): Promise<Answer> {
  const onNote = (note: unknown): void => {
    const said = note as ImageNote;
    if ('say' in said) say(said.say);
    else if ('warn' in said) warn(said.warn);
    else showProgress?.(said.progress);
  };
  const headers: Record<string, string> = requestId !== undefined && /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/.test(requestId) ? { 'x-request-id': requestId } : {};
  const body = { options, args, progress: showProgress !== undefined };
  const { failure, ...answer } = await perform<Answer>(transport, { method: 'POST', path: `/imgadm/${command}`, body, headers }, { signal, onNote });
  return { ...answer, ...(failure !== undefined && { failure: errorFrom(failure, 200) }) };
}
